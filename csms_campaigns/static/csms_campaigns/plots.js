// Draws the course of a campaign. The numbers and words come from the server, and so does the
// table behind each plot, which is all that is there without this file.
'use strict';
{
    const EVERY = 20000;
    const PATIENCE = 30000;
    const HEIGHT = 220;
    const MINUTE = 60;
    const DAY = 1440 * MINUTE;
    // Between two times on the axis: whole minutes, since it writes no seconds.
    const STEPS = [
        ...[1, 2, 5, 10, 15, 30, 60, 120, 180, 240, 360, 480, 720].map((minutes) => minutes * MINUTE),
        ...[1, 2, 3, 5, 7, 10, 15, 30, 60, 90, 180, 365, 730, 1825, 3650].map((days) => days * DAY),
    ];
    const SHORTEST = 5 * MINUTE;
    // Told apart by dashes and by the shape of the points, not by colour alone.
    const LOOKS = {
        pace: [
            {colour: '--csms-sent', fill: true},
            {colour: '--csms-failed', dash: [6, 4], square: true},
        ],
        credits: [{colour: '--csms-active'}],
    };

    const root = document.querySelector('.csms-plots');
    const live = document.querySelector('.csms-live');
    const language = document.documentElement.lang || 'en';
    const backward = document.documentElement.dir === 'rtl' || document.body.matches('[dir=rtl] *');
    let course = null;
    let plots = {};
    let asked = 0;
    let failures = 0;

    const colour = (name) => getComputedStyle(root).getPropertyValue(name).trim();

    // The pages write digits as the server does.
    const format = (options) => new Intl.DateTimeFormat(`${language}-u-nu-latn`, {
        ...options,
        timeZone: course.zone,
    });
    const numbers = new Intl.NumberFormat(`${language}-u-nu-latn`, {maximumFractionDigits: 1});

    const times = (self, seconds) => {
        const day = seconds.at(-1) - seconds[0] >= DAY;
        const clock = format({hour: 'numeric', minute: '2-digit'});
        const date = format({day: 'numeric', month: 'short'});
        const short = day && seconds.length > 1 && seconds[1] - seconds[0] >= DAY;
        return seconds.map((at) => {
            const moment = new Date(at * 1000);
            if (short) {
                return date.format(moment);
            }
            return day ? `${date.format(moment)}\n${clock.format(moment)}` : clock.format(moment);
        });
    };

    const squares = (self, series) => {
        const path = new Path2D();
        const size = 5 * uPlot.pxRatio;
        const scale = self.scales.x;
        const xs = self.data[0];
        const ys = self.data[series];
        for (let place = 0; place < xs.length; place += 1) {
            if (xs[place] >= scale.min && xs[place] <= scale.max && ys[place] !== null) {
                const x = self.valToPos(xs[place], 'x', true);
                const y = self.valToPos(ys[place], self.series[series].scale, true);
                path.rect(x - size / 2, y - size / 2, size, size);
            }
        }
        return {fill: path, stroke: path};
    };

    const series = (name, labels) => LOOKS[name].map((look, place) => ({
        label: labels[place + 1],
        stroke: () => colour(look.colour),
        ...(look.fill ? {fill: () => `color-mix(in srgb, ${colour(look.colour)} 15%, transparent)`} : {}),
        width: 2,
        dash: look.dash,
        points: {
            size: 6,
            fill: () => colour(look.colour),
            ...(look.square ? {paths: squares} : {}),
        },
        value: (self, value) => (value === null || value === undefined ? '–' : numbers.format(value)),
    }));

    const axis = (more) => ({
        stroke: () => colour('--body-quiet-color') || '#666',
        grid: {stroke: () => colour('--hairline-color') || '#e8e8e8', width: 1},
        ticks: {stroke: () => colour('--hairline-color') || '#e8e8e8', width: 1},
        font: `12px ${getComputedStyle(root).fontFamily}`,
        ...more,
    });

    // The first minute is one point, around which uPlot would show a thousand days.
    const stretch = (self) => {
        const [first, last] = [self.data[0][0], self.data[0].at(-1)];
        const missing = Math.max(SHORTEST - (last - first), 0);
        return [first - missing / 2, last + missing / 2];
    };

    const options = (name, plot, width) => ({
        width,
        height: HEIGHT,
        tzDate: (at) => uPlot.tzDate(new Date(at * 1000), course.zone),
        scales: {
            // What runs from right to left reads time that way too.
            x: {dir: backward ? -1 : 1, range: stretch},
            y: {range: (self, low, high) => [name === 'pace' ? 0 : Math.max(low - pad(low, high), 0), high + pad(low, high)]},
        },
        series: [
            {label: plot.labels[0], value: (self, at) => (at ? format({dateStyle: 'short', timeStyle: 'short'}).format(new Date(at * 1000)) : '–')},
            ...series(name, plot.labels),
        ],
        axes: [
            axis({values: times, space: 70, incrs: STEPS}),
            axis({
                side: backward ? 1 : 3,
                size: 62,
                values: (self, values) => values.map((value) => numbers.format(value)),
                incrs: [1, 2, 5, 10, 20, 50].flatMap((step) => [1, 100, 10000, 1000000].map((by) => step * by)).sort((a, b) => a - b),
            }),
        ],
        cursor: {drag: {x: false, y: false}},
        legend: {markers: {dash: (self, place) => (self.series[place].dash ? 'dashed' : 'solid')}},
    });

    const pad = (low, high) => Math.max((high - low) * 0.1, 1);

    const table = (name, rows) => {
        const body = root.querySelector(`[data-rows="${name}"]`);
        body.replaceChildren(...rows.map((cells) => {
            const row = document.createElement('tr');
            row.append(...cells.map((text, place) => {
                const cell = document.createElement(place ? 'td' : 'th');
                if (place) {
                    cell.className = 'csms-number';
                    cell.append(document.createElement('bdi'));
                    cell.firstChild.textContent = text;
                } else {
                    cell.scope = 'row';
                    cell.textContent = text;
                }
                return cell;
            }));
            return row;
        }));
    };

    const draw = (name) => {
        const place = root.querySelector(`[data-plot="${name}"]`);
        const plot = course[name];
        place.nextElementSibling.hidden = plot.x.length > 0;
        place.hidden = plot.x.length === 0;
        if (!plot.x.length || !place.clientWidth) {
            return;
        }
        const data = [plot.x, ...plot.y];
        if (plots[name]) {
            plots[name].setData(data);
        } else {
            plots[name] = new uPlot(options(name, plot, place.clientWidth), data, place);
        }
    };

    const drawAll = () => Object.keys(LOOKS).forEach(draw);

    const again = () => {
        if (!course) {
            return;
        }
        Object.values(plots).forEach((plot) => plot.destroy());
        plots = {};
        drawAll();
    };

    const ask = async () => {
        const response = await fetch(root.dataset.course, {
            headers: {Accept: 'application/json'},
            cache: 'no-store',
            signal: AbortSignal.timeout(PATIENCE),
        });
        if (response.redirected || !response.ok) {
            throw new Error(response.status);
        }
        course = await response.json();
        for (const name of Object.keys(LOOKS)) {
            table(name, course[name].rows);
        }
        root.querySelector('[data-cut]').textContent = course.cut;
        drawAll();
    };

    const askNow = async () => {
        asked = Date.now();
        try {
            await ask();
            failures = 0;
        } catch {
            failures = Math.min(failures + 1, 5);
        }
    };

    // It asks again only when the page has news, so it rests, backs off and ends as that does.
    live.addEventListener('csms:news', () => {
        if (Date.now() - asked >= EVERY * 2 ** failures) {
            askNow();
        }
    });
    askNow();
    new ResizeObserver(() => {
        for (const [name, plot] of Object.entries(plots)) {
            const width = root.querySelector(`[data-plot="${name}"]`).clientWidth;
            if (width && width !== plot.width) {
                plot.setSize({width, height: HEIGHT});
            }
        }
    }).observe(root);
    // Colours are read when it is drawn.
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', again);
    new MutationObserver(again).observe(document.documentElement, {attributeFilter: ['data-theme']});
}
