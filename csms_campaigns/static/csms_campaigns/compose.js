// Asks the server what is to be said about the text and its audience, and puts the answer in
// place. It counts nothing itself; without this file the page says the same once it is saved.
'use strict';
for (const compose of document.querySelectorAll('[data-compose]')) {
    const REST = 350;
    const PATIENCE = 30000;
    const SLOWEST = 30000;

    const form = compose.closest('form');
    const notice = compose.querySelector('[data-notice]');
    const drawn = new Map();
    let counted = compose.dataset.counted;
    let fill = false;
    let asking = false;
    let wanted = false;
    let failures = 0;
    let timer = null;

    const tell = (text) => {
        if (notice.textContent !== text) {
            notice.textContent = text;
        }
        notice.hidden = !text;
    };

    const reveal = (root) => {
        for (const element of root.querySelectorAll('.csms-scripted[hidden]')) {
            element.hidden = false;
        }
    };

    const put = (part, html) => {
        const place = document.querySelector(`[data-part="${part}"]`);
        // Written only when it differs, or a screen reader would repeat it.
        if (!place || drawn.get(part) === html) {
            return;
        }
        drawn.set(part, html);
        const key = place.contains(document.activeElement) && document.activeElement.dataset.key;
        place.innerHTML = html;
        reveal(place);
        if (key) {
            (place.querySelector(`[data-key="${CSS.escape(key)}"]`) || place.querySelector('button'))?.focus();
        }
    };

    const draw = (answer) => {
        for (const [part, html] of Object.entries(answer.parts)) {
            put(part, html);
        }
        counted = answer.counted;
        compose.dispatchEvent(new CustomEvent('csms:drawn'));
        if (answer.message !== undefined) {
            compose.dispatchEvent(new CustomEvent('csms:fill', {detail: answer.message}));
        }
    };

    // Who signs in again in another window gets a new token there; this page must have it too,
    // or neither its questions nor its save would be taken.
    const renew = () => {
        const token = form.elements.csrfmiddlewaretoken;
        const fresh = document.cookie.match(/(?:^|; )csrftoken=([^;]+)/);
        if (token && fresh) {
            token.value = fresh[1];
        }
    };

    const ask = async () => {
        renew();
        const data = new FormData(form);
        data.append('counted', counted);
        if (fill) {
            data.append('fill', '1');
        }
        const response = await fetch(compose.dataset.compose, {
            method: 'POST',
            body: data,
            headers: {Accept: 'application/json'},
            signal: AbortSignal.timeout(PATIENCE),
        });
        if (response.redirected || response.status === 403) {
            failures += 1;
            tell(compose.dataset.signedOut);
            return;
        }
        if (!response.ok) {
            throw new Error(response.status);
        }
        const answer = await response.json();
        failures = 0;
        fill = false;
        tell('');
        draw(answer);
    };

    // Never two at once: what is typed meanwhile is asked for when the answer is here.
    const round = async () => {
        timer = null;
        if (asking) {
            wanted = true;
            return;
        }
        asking = true;
        wanted = false;
        try {
            await ask();
        } catch {
            failures += 1;
            tell(compose.dataset.lost);
        }
        asking = false;
        if (failures) {
            plan(Math.min(1000 * 2 ** failures, SLOWEST));
        } else if (wanted) {
            plan(REST);
        }
    };

    const plan = (wait) => {
        clearTimeout(timer);
        timer = setTimeout(round, wait);
    };

    const changed = () => plan(REST);
    form.addEventListener('input', changed);
    form.addEventListener('change', changed);
    // The search field for many lists tells jQuery alone that something was chosen.
    window.django?.jQuery?.(form).on('select2:select select2:unselect', changed);
    window.addEventListener('online', changed);
    form.querySelector('[data-tool="template"]')?.addEventListener('click', (event) => {
        if (event.target.parentElement.querySelector('select').value) {
            fill = true;
            plan(0);
        }
    });
    reveal(form);
    // A browser that went back has put its own text into the box.
    const box = compose.querySelector('textarea');
    if (box.value !== box.defaultValue) {
        changed();
    }
}
