// The picker: browse or search on one side, Selected items on the other; what is selected survives both.
import { ask, fail, say } from './fragments.js';
import { askFirst } from './keep.js';
import { Selected } from './selected.js';
import { Tree } from './tree.js';

const SEARCH_WAIT = 180;
const ESTIMATE_WAIT = 150;

class Picker {
  constructor(section, { show }) {
    this.section = section;
    this.show = show;
    this.find = (selector) => section.querySelector(selector);
    this.list = this.find('[data-picker-list]');
    this.query = this.find('[name=q]');
    this.framework = this.find('[name=framework]');
    this.count = this.find('#picker-count');
    this.words = this.find('template[data-words]').dataset;
    this.selected = new Selected(section, { changed: (id, on) => this.#changed(id, on), home: this.query });
    this.#adoptList();
    this.#listen();
    this.#weigh();
    // Somebody may have typed before this script was here.
    if (this.query.value !== this.query.defaultValue) this.#try(() => this.#refresh());
  }

  #listen() {
    let timer = 0;
    this.section.closest('dialog')?.addEventListener('leaving', (event) => {
      if (!this.selected.size || !this.section.isConnected) return;
      event.preventDefault();
      askFirst('#unpicked', this.query, () => document.querySelector('#add')?.focus());
    });
    this.query.addEventListener('input', () => {
      clearTimeout(timer);
      timer = setTimeout(() => this.#try(() => this.#refresh()), SEARCH_WAIT);
    });
    this.query.addEventListener('keydown', (event) => {
      if (event.key !== 'ArrowDown') return;
      event.preventDefault();
      this.list.querySelector('[tabindex="0"]')?.focus();
    });
    this.find('[data-picker-tools]').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#try(() => this.#refresh());
    });
    this.framework?.addEventListener('change', () => {
      this.query.value = '';
      this.#try(() => this.#refresh());
    });
    this.list.addEventListener('submit', (event) => event.preventDefault());
    this.list.addEventListener('click', (event) => this.#clicked(event));
    this.list.addEventListener('keydown', (event) => this.#pressed(event));
    this.find('[data-ok]').addEventListener('click', () => this.#try(() => this.#ok()));
    // What is pasted is looked up at once.
    this.find('#paste-lines')?.addEventListener('paste', (event) => setTimeout(() => event.target.form.requestSubmit()));
    this.find('[data-paste]')?.addEventListener('submit', (event) => {
      if (event.submitter && 'plain' in event.submitter.dataset) return; // a file to keep
      event.preventDefault();
      this.#try(() => this.#paste(event.target));
    });
  }

  #try(work) {
    work().catch((error) => fail(error, work));
  }

  // --- the list

  async #refresh() {
    const wanted = this.query.value.trim();
    this.section.querySelector('[data-failure]')?.remove();
    this.list.setAttribute('aria-busy', 'true');
    try {
      const browse = this.framework && !wanted;
      const answer = await ask(this.#address(browse ? 'tree' : 'search', { q: wanted, level: browse ? '1' : '' }), {}, 'picker');
      if (browse) {
        const root = document.createElement('ul');
        root.setAttribute('role', 'tree');
        root.setAttribute('aria-multiselectable', 'true');
        root.setAttribute('aria-label', this.framework.selectedOptions[0].text);
        root.dataset.treeRoot = '';
        root.innerHTML = answer.html;
        this.list.replaceChildren(root);
      } else {
        this.list.innerHTML = answer.html;
      }
      this.list.scrollTop = 0;
      this.#adoptList();
    } finally {
      this.list.removeAttribute('aria-busy');
    }
  }

  #address(which, values) {
    const address = new URL(this.section.dataset[which], window.location.href);
    if (this.framework && which === 'tree') address.searchParams.set('framework', this.framework.value);
    for (const [name, value] of Object.entries(values)) if (value) address.searchParams.set(name, value);
    return address;
  }

  #adoptList() {
    const root = this.list.querySelector('[role=tree]');
    this.tree = root && new Tree(root, {
      load: async (parent, offset, level) => (await ask(this.#address('tree', { parent, offset, level: String(level) }))).html,
      toggle: (node) => this.#toggle(node, [this.framework.selectedOptions[0].text, ...this.tree.pathOf(node)].join(' › ')),
      chosen: (id) => this.selected.has(id),
      fail,
    });
    for (const option of this.list.querySelectorAll('[role=option]')) {
      option.setAttribute('aria-selected', String(this.selected.has(option.dataset.id)));
    }
    const first = this.list.querySelector('[role=option]');
    if (first) first.tabIndex = 0;
    this.count.textContent = this.list.querySelector('[data-count]')?.dataset.count ?? '';
  }

  #clicked(event) {
    const option = event.target.closest('[role=option]');
    const more = event.target.closest('button[data-more]');
    if (option) {
      this.#rove(option);
      this.#toggle(option, option.dataset.path);
    } else if (more) {
      this.#try(() => this.#more(more));
    }
  }

  async #more(button) {
    const list = this.list.querySelector('[role=listbox]');
    const last = list.lastElementChild;
    const answer = await ask(this.#address('search', { q: this.query.value.trim(), offset: button.dataset.more }));
    const holder = document.createElement('template');
    holder.innerHTML = answer.html;
    const found = [...holder.content.children];
    button.nextElementSibling?.remove();
    button.remove();
    list.append(...found.filter((one) => one.matches('li')));
    list.after(...found.filter((one) => !one.matches('li')));
    this.#adoptList();
    if (last.nextElementSibling) this.#rove(last.nextElementSibling);
  }

  #rove(option) {
    for (const one of this.list.querySelectorAll('[role=option][tabindex="0"]')) one.tabIndex = -1;
    option.tabIndex = 0;
    option.focus();
  }

  #pressed(event) {
    const option = event.target.closest('[role=option]');
    if (!option) return;
    const options = option.parentElement.children;
    const go = {
      ArrowDown: option.nextElementSibling,
      ArrowUp: option.previousElementSibling ?? this.query,
      Home: options[0],
      End: options[options.length - 1],
    }[event.key];
    if (go) {
      if (go === this.query) go.focus();
      else this.#rove(go);
    } else if (event.key === ' ' || event.key === 'Enter') {
      this.#toggle(option, option.dataset.path);
    } else if (event.key !== 'ArrowDown') {
      return;
    }
    event.preventDefault();
  }

  // --- the selection

  #toggle(element, path) {
    if (element.getAttribute('aria-disabled') === 'true') return;
    const { id, name } = element.dataset;
    const on = !this.selected.has(id);
    if (on && 'single' in this.section.dataset) this.selected.clear();
    this.selected.set(id, on ? { name, path } : null);
    const sentence = on ? this.words.added : this.words.dropped;
    say(sentence.replace('{name}', name).replace('{count}', this.selected.size));
  }

  /** One item came or went: the lists and the line below follow. */
  #changed(id, on) {
    this.tree?.mark(id, on);
    this.list.querySelector(`[role=option][data-id="${CSS.escape(id)}"]`)?.setAttribute('aria-selected', String(on));
    this.#weigh();
  }

  #weigh() {
    this.find('[data-ok]').setAttribute('aria-disabled', String(!this.selected.size));
    clearTimeout(this.estimating);
    const line = this.find('[data-estimate-line]');
    line.hidden = !this.selected.size;
    if (this.selected.size) this.estimating = setTimeout(() => this.#try(() => this.#estimate(line)), ESTIMATE_WAIT);
  }

  async #estimate(line) {
    const answer = await ask(this.section.dataset.estimate, { method: 'POST', body: this.selected.targets() }, 'estimate');
    if (answer.status === 200) line.textContent = answer.html.trim();
  }

  async #ok() {
    if (!this.selected.size) return;
    const answer = await ask(this.list.getAttribute('action'), { method: 'POST', body: this.selected.targets() });
    const refused = answer.status !== 200;
    this.show(answer, this.find('[data-ok]'), refused);
  }

  async #paste(form) {
    const answer = await ask(form.getAttribute('action'), { method: 'POST', body: new FormData(form) });
    const holder = this.find('[data-pasted]');
    holder.innerHTML = answer.html;
    this.selected.pasted = true;
    for (const one of holder.querySelectorAll('[data-pick]')) {
      this.selected.put(one.dataset.pick, { name: one.dataset.name, path: one.dataset.path });
    }
    holder.querySelector('[data-pick]')?.parentElement.remove();
    this.selected.paint();
    this.#adoptList();
    this.#weigh();
    say(holder.querySelector('.hint, [role=alert]')?.textContent ?? '');
    holder.scrollIntoView({ block: 'nearest' });
  }
}

export function preparePicker(section, uses) {
  return new Picker(section, uses);
}
