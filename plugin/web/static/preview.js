// Shows what settings mean while they are being entered: the server reckons, from the fields of the form alone.
import { ask, fail, swap } from './fragments.js';

const WAIT = 250;

export function preparePreview(section) {
  const form = section.closest('form');
  const watched = (name = '') => /^(period|example)-/.test(name);
  let waiting = 0;

  const update = async () => {
    const address = new URL(section.dataset.preview, window.location.href);
    address.search = new URLSearchParams([...new FormData(form)].filter(([name]) => watched(name))).toString();
    const answer = await ask(address, {}, 'preview');
    if (answer.status === 200) swap('#renewal-preview', answer.html);
  };
  form.addEventListener('input', (event) => {
    if (!watched(event.target.name)) return;
    clearTimeout(waiting);
    waiting = setTimeout(() => update().catch((error) => fail(error, update)), WAIT);
  });
}
