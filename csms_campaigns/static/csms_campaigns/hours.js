// A preset fills in the fields below it, where they can be seen and changed. Without this file
// the server does the same when the form is saved.
'use strict';
{
    const preset = document.querySelector('select.csms-preset');
    const field = (name) => document.querySelector(`[name=${name}]`);

    const fill = () => {
        if (!preset.value) {
            return;
        }
        const [since, until, days] = preset.value.split('|');
        field('send_from').value = since;
        field('send_until').value = until;
        for (const box of document.querySelectorAll('[name=send_days]')) {
            box.checked = days.includes(box.value);
        }
        // Else it would be chosen again, over what is changed now.
        preset.value = '';
    };

    if (preset) {
        preset.addEventListener('change', fill);
    }
}
