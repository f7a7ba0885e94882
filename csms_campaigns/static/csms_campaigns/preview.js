// Steps through the people of the preview: one at a time, and the same one after each change.
'use strict';
for (const compose of document.querySelectorAll('[data-compose]')) {
    const preview = compose.querySelector('[data-part="examples"]');
    let person = null;

    const screens = () => Array.from(preview.querySelectorAll('[data-person]'));

    const show = (at) => {
        const all = screens();
        const place = (at + all.length) % all.length;
        all.forEach((screen, index) => {
            screen.hidden = index !== place;
        });
        person = all[place].dataset.person;
        preview.querySelector('[data-place]').textContent = `${place + 1} / ${all.length}`;
        preview.querySelector('.csms-steps').hidden = all.length < 2;
        for (const jump of preview.querySelectorAll('[data-jump]')) {
            jump.setAttribute('aria-pressed', String(Number(jump.dataset.jump) === place));
        }
    };

    const current = () => screens().findIndex((screen) => screen.dataset.person === person);

    const draw = () => {
        if (screens().length) {
            show(Math.max(current(), 0));
        }
    };

    preview.addEventListener('click', (event) => {
        const button = event.target.closest('button');
        if (button?.dataset.step) {
            show(current() + Number(button.dataset.step));
        } else if (button?.dataset.jump) {
            show(Number(button.dataset.jump));
        }
    });
    preview.addEventListener('keydown', (event) => {
        const step = {ArrowLeft: -1, ArrowRight: 1}[event.key];
        if (step && screens().length) {
            event.preventDefault();
            const leftward = getComputedStyle(preview).direction === 'rtl' ? -1 : 1;
            show(current() + step * leftward);
        }
    });
    compose.addEventListener('csms:drawn', draw);
    draw();
}
