'use strict';
// Sorting: a click on a heading, a second one turns it round.
for (const table of document.querySelectorAll('table')) {
  const headings = [...table.querySelectorAll('th')];
  headings.forEach((heading, column) => heading.addEventListener('click', () => {
    const up = heading.getAttribute('aria-sort') !== 'ascending';
    headings.forEach((other) => other.removeAttribute('aria-sort'));
    heading.setAttribute('aria-sort', up ? 'ascending' : 'descending');
    const body = table.tBodies[0];
    const value = (row) => row.cells[column].dataset.value;
    const rows = [...body.rows].sort((a, b) => {
      const [x, y] = [value(a), value(b)];
      // Cells without a number come last.
      if (x === undefined && y === undefined) {
        const order = a.cells[column].textContent.localeCompare(b.cells[column].textContent, undefined, { numeric: true });
        return up ? order : -order;
      }
      if (x === undefined || y === undefined) return x === undefined ? 1 : -1;
      return up ? x - y : y - x;
    });
    body.append(...rows);
  }));
}

// What belongs together is shown together: rows, points and clips with a key in common. The last key of a thing is its own.
let chosen = null;
document.addEventListener('click', (event) => {
  const target = event.target.closest('[data-key]');
  if (!target) return;
  const key = target.dataset.key.split(' ').pop();
  chosen = chosen === key ? null : key;
  let film = null;
  for (const element of document.querySelectorAll('[data-key]')) {
    const on = element.dataset.key.split(' ').includes(chosen);
    element.classList.toggle('chosen', on);
    if (on && !film && element.matches('.films figure')) film = element;
  }
  if (film && !target.matches('.films figure')) film.scrollIntoView({ block: 'nearest', behavior: 'smooth' });
});

// All clips run by the same clock; it can be stopped and moved by hand.
const bar = document.getElementById('bar');
if (bar) {
  bar.hidden = false;
  const [play, frame, number] = ['play', 'frame', 'number'].map((id) => document.getElementById(id));
  const films = [...document.querySelectorAll('.film')];
  const pause = (on) => {
    document.body.classList.toggle('paused', on);
    play.textContent = on ? 'Play' : 'Pause';
    play.setAttribute('aria-pressed', on);
  };
  const clocks = () => films.flatMap((film) => film.getAnimations());
  play.addEventListener('click', () => pause(!document.body.classList.contains('paused')));
  frame.addEventListener('input', () => {
    pause(true);
    number.textContent = frame.value;
    for (const film of films) {
      const frames = Number(film.dataset.frames);
      // The middle of the frame's time; a shorter clip stays at its last one.
      const at = (Math.min(Number(frame.value), frames - 1) + 0.5) / frames * Number(film.dataset.seconds);
      for (const clock of film.getAnimations()) clock.currentTime = at * 1000;
    }
  });
  if (matchMedia('(prefers-reduced-motion: reduce)').matches) pause(true);
  requestAnimationFrame(() => clocks().forEach((clock) => { clock.startTime = document.timeline.currentTime; }));
}
