// The box itself: it runs the way its content does, takes placeholders where the cursor
// stands, and gives back what a button has replaced.
'use strict';
for (const compose of document.querySelectorAll('[data-compose]')) {
    const box = compose.querySelector('textarea');
    const undone = compose.querySelector('[data-undone]');
    const ASIDE = /\{\{[^{}]*\}\}|(?:https?:\/\/|www\.)\S*/gi;
    const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]/;
    let before = null;

    // The first letter decides, but for placeholders and links, which are Latin in any text.
    const turn = () => {
        const letter = box.value.replace(ASIDE, '').match(/\p{L}/u);
        box.dir = !letter ? 'auto' : RIGHT_TO_LEFT.test(letter[0]) ? 'rtl' : 'ltr';
    };

    const write = (text) => {
        box.focus();
        // Deprecated, and the only way that the browser's own undo knows of.
        if (!document.execCommand('insertText', false, text)) {
            box.setRangeText(text, box.selectionStart, box.selectionEnd, 'end');
            box.dispatchEvent(new Event('input', {bubbles: true}));
        }
    };

    const replace = (text) => {
        before = box.value;
        box.select();
        write(text);
        undone.querySelector('[data-told]').textContent = compose.dataset.filled;
        undone.hidden = false;
    };

    const undo = () => {
        undone.hidden = true;
        box.select();
        write(before);
        undone.hidden = true;
    };

    // The server counts letters; the browser counts some of them twice.
    const show = (position) => {
        const letters = Array.from(box.value);
        const start = letters.slice(0, position).join('').length;
        box.focus();
        box.setSelectionRange(start, start + letters[position].length);
    };

    compose.addEventListener('click', (event) => {
        const button = event.target.closest('button');
        if (!button) {
            return;
        }
        if (button.dataset.insert) {
            write(button.dataset.insert);
        } else if (button.dataset.select) {
            show(Number(button.dataset.select));
        } else if (button.dataset.tool === 'smart') {
            replace(button.dataset.text);
        } else if (button.dataset.tool === 'undo') {
            undo();
        }
    });
    box.addEventListener('input', () => {
        undone.hidden = true;
        turn();
    });
    compose.addEventListener('csms:fill', (event) => replace(event.detail));
    turn();
}
