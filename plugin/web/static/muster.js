// Wires the page: every behaviour hangs on a data attribute, so that fragments put in later need no set-up.
import { closeAll, closeTop, openDialog, replaceDialog } from './dialog.js';
import { ask, fail, inTurn, say, settled, swap, unpressed, watchPresses } from './fragments.js';
import { followFrame } from './frame.js';
import { watchLists } from './lists.js';
import { watchMany } from './many.js';
import { watchMenus } from './menu.js';

const FILTER_WAIT = 200;

/** Give life to the inside of a dialog or a page. What few pages need is fetched when one of them needs it. */
async function prepare(root) {
  const [due, picker, poll, insert] = ['[data-due]', '[data-picker]', '[data-poll]', '[data-placeholders]']
    .map((one) => root.querySelector(one));
  if (root.querySelector('[data-leave]')) (await import('./leave.js')).prepareLeave(root);
  if (root.querySelector('[data-copy]')) (await import('./copy.js')).prepareCopy(root);
  if (due) (await import('./due.js')).prepareDue(due);
  const choose = root.querySelector('[data-choose]');
  if (choose) (await import('./choose.js')).prepareChoose(choose);
  if (insert) (await import('./insert.js')).prepareInsert(insert);
  if (picker) (await import('./picker.js')).preparePicker(picker, { show });
  const sets = root.querySelectorAll('[data-sets]');
  if (sets.length) { const { prepareContent } = await import('./content.js'); sets.forEach(prepareContent); }
  const preview = root.querySelector('[data-preview]');
  const keep = root.querySelector('form[data-keep]');
  if (keep) (await import('./keep.js')).prepareKeep(keep);
  const slash = root.querySelector('[data-slash]');
  if (slash) (await import('./finder.js')).prepareSlash(slash);
  if (preview) (await import('./preview.js')).preparePreview(preview);
  if (poll?.dataset.poll) (await import('./poll.js')).watch(poll);
}

/** Show what the server answered: go where it says, or open or refresh a dialog. Returns false for plain content. */
function show(answer, opener, replace = false) {
  if (answer.location) {
    window.location.assign(answer.location);
    return true;
  }
  const holder = document.createElement('template');
  holder.innerHTML = answer.html;
  if (!holder.content.querySelector('[data-dialog]')) return false;
  const ready = (dialog) => prepare(dialog).catch(fail);
  if (replace) replaceDialog(holder.content, ready);
  else openDialog(holder.content, opener, ready);
  return true;
}

/** What has focus in a row, unless it is the form that was sent: somebody who has moved on is not called back. */
function movedTo(form) {
  const at = document.activeElement?.closest('tr [data-role]');
  return at && !form.contains(at) ? { key: at.closest('tr').dataset.key, role: at.dataset.role } : null;
}

/** Where focus goes after the table was replaced: never lost, always near what was done. */
function focusAfter(form, formKey, moved) {
  const name = moved?.role ?? form.dataset.focus;
  const key = moved?.key ?? formKey;
  const within = key ? document.querySelector(`tr[data-key="${CSS.escape(key)}"]`) : null;
  const row = within ?? (name === 'fresh' ? document.querySelector('#table tr[data-fresh]') : null);
  const role = name === 'fresh' ? 'due' : name;
  const wanted = row?.querySelector(`[data-role="${role}"]`) ?? row?.querySelector('[data-role]');
  (wanted ?? document.querySelector('#add') ?? document.querySelector('#main'))?.focus();
}

/** Where a form is sent. A part of the page that is filtered is answered as it is filtered when the form's turn comes. */
function addressOf(form) {
  if (!document.querySelector(`form[data-filter="${form.dataset.swap}"]`)) return form.getAttribute('action');
  const address = new URL(form.getAttribute('action'), document.baseURI);
  address.search = window.location.search;
  return address;
}

async function openFrom(link) {
  if (link.closest('[data-settled]')) await settled('#table'); // it tells of changes: none may be on its way
  const answer = await ask(link.href, {}, 'dialog'); // clicked twice, it opens once
  if (!show(answer, link, link.dataset.openDialog === 'replace')) window.location.assign(link.href);
}

async function send(form, submitter) {
  const key = form.dataset.key ?? form.closest('tr')?.dataset.key;
  const body = new FormData(form, submitter ?? undefined);
  const inDialog = form.closest('dialog');
  const said = new URLSearchParams(body).toString();
  if (form.dataset.sending === said) return; // pressed twice
  form.dataset.sending = said;
  const label = submitter?.dataset.busy ? submitter.textContent : null;
  if (label) submitter.textContent = submitter.dataset.busy;
  const part = form.dataset.swap ?? '#table';
  try {
    await inTurn(part, async (newest) => {
      const answer = await ask(addressOf(form), { method: 'POST', body });
      if (show(answer, form, Boolean(inDialog))) return;
      if (inDialog) closeAll();
      await unpressed();
      if (!newest()) return; // a later change is on its way, and its answer holds this one
      const moved = inDialog ? null : movedTo(form);
      swap(part, answer.html);
      if (!document.querySelector('dialog[open]')) focusAfter(form, key, moved);
    });
  } finally {
    if (form.dataset.sending === said) delete form.dataset.sending;
    if (label) submitter.textContent = label;
  }
}

function guarded(work) {
  return (...args) => work(...args).catch((error) => fail(error, () => work(...args)));
}

document.addEventListener('click', (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  const closing = event.target.closest('dialog [data-close]');
  const link = event.target.closest('a[data-open-dialog]');
  if (closing) {
    event.preventDefault();
    closeTop();
  } else if (link) {
    event.preventDefault();
    guarded(openFrom)(link);
  }
});

document.addEventListener('submit', (event) => {
  const form = event.target;
  if (!form.matches('[data-swap], [data-send]') || event.defaultPrevented) return;
  if (form.dataset.swap && !document.querySelector(form.dataset.swap)) return; // a dialog's inside as a page of its own
  event.preventDefault();
  guarded(send)(form, event.submitter);
});

document.addEventListener('change', (event) => {
  const form = event.target.closest('form[data-auto]');
  if (form) form.requestSubmit();
});

// A tab of its own gets no cookie of the frame: it is opened empty, within the click, and sent to a ticket.
async function openTab(form) {
  const tab = window.open('', '_blank');
  if (!tab) return;
  tab.opener = null;
  try {
    tab.location = (await ask(form.getAttribute('action'), { method: 'POST', body: new FormData(form) })).location;
  } catch (error) {
    tab.close();
    throw error;
  }
}
document.addEventListener('submit', (event) => {
  if (!event.target.matches('[data-new-tab]')) return;
  event.preventDefault();
  guarded(openTab)(event.target);
});

// What was wrong with a form is no longer said once somebody mends it.
document.addEventListener('input', (event) => {
  const form = event.target.closest('form[method=post]');
  const problem = form && (form.querySelector('[data-problem]') ?? document.querySelector('main [data-problem]'));
  if (problem && (form.contains(problem) || problem.compareDocumentPosition(form) & Node.DOCUMENT_POSITION_FOLLOWING)) problem.remove();
});

let waiting = 0;
async function filter(form) {
  const address = new URL(form.getAttribute('action'), document.baseURI);
  address.search = new URLSearchParams([...new FormData(form)].filter(([, value]) => value)).toString();
  const region = document.querySelector(form.dataset.filter);
  region.setAttribute('aria-busy', 'true');
  try {
    window.history.replaceState(null, '', address);
    await inTurn(form.dataset.filter, async (newest) => {
      const answer = newest() && await ask(address);
      await unpressed();
      if (newest()) swap(form.dataset.filter, answer.html);
    });
  } finally {
    region.removeAttribute('aria-busy');
  }
  say(document.querySelector(`${form.dataset.filter} .after`)?.textContent ?? '');
}

for (const type of ['input', 'change']) {
  document.addEventListener(type, (event) => {
    const form = event.target.closest('form[data-filter]');
    if (!form) return;
    clearTimeout(waiting);
    waiting = setTimeout(() => guarded(filter)(form), FILTER_WAIT);
  });
}
document.addEventListener('submit', (event) => {
  if (!event.target.matches('form[data-filter]')) return;
  event.preventDefault();
  guarded(filter)(event.target);
});

// The picker is wanted soon after the Add… menu opens: fetch it meanwhile.
document.addEventListener('toggle', (event) => {
  if (event.target.matches('[data-menu]')) import('./picker.js').catch(fail);
}, true);

// Search from anywhere: its script is fetched when somebody turns to it, by hand or with the key.
for (const type of ['focusin', 'keydown']) {
  document.addEventListener(type, (event) => {
    const finder = document.querySelector('[data-finder]');
    if (!finder || !(event.key === '/' || finder.contains(event.target))) return;
    import('./finder.js').then(({ turnTo }) => turnTo(finder, event)).catch(fail);
    if (event.key === '/' && !event.target.closest('input, textarea, select, dialog')) event.preventDefault();
  });
}

// A form was sent: what it held is kept where this page says that the session had ended.
let sent = '';
try {
  sent = window.sessionStorage.getItem('muster:pending');
} catch { /* some browsers close it in frames of another site */ }
if (sent) import('./kept.js').then(({ answered }) => answered()).catch(fail);

for (const button of document.querySelectorAll('[data-print]')) {
  button.hidden = false; // without scripts the browser's own way is left
  button.addEventListener('click', () => window.print());
}

// Of tabs that do not all fit, the one that is open is in sight.
for (const tab of document.querySelectorAll('.tabs [aria-current]')) {
  const row = tab.closest('ul');
  const [here, whole] = [tab.getBoundingClientRect(), row.getBoundingClientRect()];
  row.scrollLeft += here.left + here.width / 2 - whole.left - whole.width / 2;
}

prepare(document.body).catch(fail);
watchMenus();
watchLists();
watchMany();
watchPresses();
followFrame();
