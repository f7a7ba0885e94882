// Keeps a page up to date: of a campaign, or the first one of the app. It puts texts in place and computes none, so
// every language comes from the server; without this file the page works by reloading.
'use strict';
{
    const SLOWEST = 30000;
    // Behind a connection that broke in silence, a browser waits for minutes.
    const PATIENCE = 30000;

    const page = document.querySelector('.csms-live');
    const EVERY = Number(page.dataset.every) || 2000;
    const parts = {};
    const notice = page.querySelector('[data-notice]');
    let failures = 0;
    let timer = null;
    let asking = false;
    let over = false;

    const setText = (element, text) => {
        // Written only when it differs, or a screen reader would repeat it.
        if (element && element.textContent !== text) {
            element.textContent = text;
        }
    };

    const tell = (text) => {
        setText(notice, text);
        notice.hidden = !text;
    };

    // A finished part takes the place of the old one, and who stands in it stays there.
    const setPart = (name, html) => {
        const part = page.querySelector(`[data-part="${name}"]`);
        if (!part || parts[name] === html) {
            return;
        }
        parts[name] = html;
        const focused = part.contains(document.activeElement) ? document.activeElement : null;
        const address = focused?.getAttribute('href');
        part.innerHTML = html;
        if (address) {
            part.querySelector(`a[href="${CSS.escape(address)}"]`)?.focus();
        }
    };

    const draw = (news) => {
        for (const [name, html] of Object.entries(news.parts || {})) {
            setPart(name, html);
        }
        if (!news.texts) {
            return;
        }
        for (const element of page.querySelectorAll('[data-figure]')) {
            const text = news.texts[element.dataset.figure];
            if (text !== undefined) {
                setText(element, text);
            }
        }
        for (const piece of page.querySelectorAll('[data-bar]')) {
            if (!news.bar[piece.dataset.bar]) {
                continue;
            }
            const [start, width] = news.bar[piece.dataset.bar];
            piece.setAttribute('x', start);
            piece.setAttribute('width', width);
        }
        page.dispatchEvent(new Event('csms:news'));
    };

    const ask = async () => {
        const response = await fetch(page.dataset.feed, {
            headers: {Accept: 'application/json'},
            cache: 'no-store',
            signal: AbortSignal.timeout(PATIENCE),
        });
        if (response.redirected) {
            over = true;
            tell(page.dataset.signedOut);
            return;
        }
        if (!response.ok) {
            throw new Error(response.status);
        }
        const news = await response.json();
        failures = 0;
        tell('');
        if (news.status !== page.dataset.status) {
            // Other buttons belong to another state: the server knows which.
            over = true;
            window.location.reload();
            return;
        }
        draw(news);
        over = Boolean(news.ended);
    };

    const round = async () => {
        timer = null;
        if (asking || over || document.hidden) {
            return;
        }
        asking = true;
        try {
            await ask();
        } catch {
            failures += 1;
            tell(page.dataset.lost);
        }
        asking = false;
        plan();
    };

    const plan = () => {
        if (!over && !document.hidden && timer === null) {
            timer = setTimeout(round, Math.min(EVERY * 2 ** failures, SLOWEST));
        }
    };

    document.addEventListener('visibilitychange', () => {
        if (!document.hidden && !over) {
            clearTimeout(timer);
            round();
        }
    });
    plan();
}
