// A preset fills in the fields below it, where they can be seen and changed. Without this file
// the server does the same when the form is saved.
'use strict';
{
    const field = (name) => document.querySelector(`[name=${name}]`);

    const fill = (preset) => {
        const [since, until, days] = preset.value.split('|');
        field('send_from').value = since;
        field('send_until').value = until;
        for (const box of document.querySelectorAll('[name=send_days]')) {
            box.checked = days.includes(box.value);
        }
        // Else it would be applied again when the form is saved, over what is changed now.
        preset.value = '';
    };

    // The admin loads its scripts before the form is there.
    document.addEventListener('change', (event) => {
        if (event.target.matches('select.csms-preset') && event.target.value) {
            fill(event.target);
        }
    });
}
