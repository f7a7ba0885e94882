// Keeps one page of a campaign up to date. It puts texts in place and computes none, so
// every language comes from the server; without this file the page works by reloading.
'use strict';
{
    const EVERY = 2000;
    const SLOWEST = 30000;

    const page = document.querySelector('.csms-live');
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

    const draw = (news) => {
        for (const element of page.querySelectorAll('[data-figure]')) {
            const text = news.texts[element.dataset.figure];
            if (text !== undefined) {
                setText(element, text);
            }
        }
        for (const piece of page.querySelectorAll('[data-bar]')) {
            const [start, width] = news.bar[piece.dataset.bar] || [0, 0];
            piece.setAttribute('x', start);
            piece.setAttribute('width', width);
        }
    };

    const ask = async () => {
        const response = await fetch(page.dataset.feed, {
            headers: {Accept: 'application/json'},
            cache: 'no-store',
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
        over = news.ended;
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
