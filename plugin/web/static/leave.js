// Leads out of the frame to a course. The form itself stays inside it: a page of its own would lack the frame's cookie.
import { ask, fail } from './fragments.js';

async function leave(form) {
  const { location } = await ask(form.getAttribute('action'), { method: 'POST', body: new FormData(form) });
  if (!location) {
    form.submit();
    return;
  }
  window.open(location, new URL(location, document.baseURI).origin === window.location.origin ? '_self' : '_top');
}

/** Let the forms of a page lead out of it. */
export function prepareLeave(root) {
  root.addEventListener('submit', (event) => {
    if (!event.target.matches('[data-leave]')) return;
    event.preventDefault();
    leave(event.target).catch((error) => fail(error, () => leave(event.target)));
  });
}
