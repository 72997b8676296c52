// Selected items: cards that survive every search and framework, each with a button to take it out again.

export class Selected {
  /**
   * @param {HTMLElement} section the picker
   * @param {{changed: (id: string, on: boolean) => void, home: HTMLElement}} uses; home has focus when no card is left
   */
  constructor(section, { changed, home }) {
    this.items = new Map();
    this.find = (selector) => section.querySelector(selector);
    this.changed = changed;
    this.home = home;
    this.pattern = this.find('template[data-selected-item]');
    for (const one of this.find('template[data-chosen]').content.children) {
      this.put(one.dataset.id, { name: one.dataset.name, path: one.dataset.path });
    }
    this.find('[data-clear]').addEventListener('click', () => {
      this.clear();
      home.focus();
    });
    this.paint();
  }

  get size() {
    return this.items.size;
  }

  has(id) {
    return this.items.has(id);
  }

  /** Add an item without showing it yet: many at once are painted once. */
  put(id, item) {
    this.items.set(id, item);
  }

  /** Add an item, or take it out where there is none. */
  set(id, item) {
    if (item) this.items.set(id, item);
    else this.items.delete(id);
    this.paint();
    this.changed(id, Boolean(item));
  }

  clear() {
    const gone = [...this.items.keys()];
    this.items.clear();
    this.paint();
    for (const id of gone) this.changed(id, false);
  }

  /** What is posted. */
  targets() {
    const body = new FormData();
    for (const id of this.items.keys()) body.append('target', id);
    if (this.pasted && this.items.size) body.append('pasted', 'on');
    return body;
  }

  paint() {
    this.find('[data-selected]').replaceChildren(...[...this.items].map(([id, item]) => this.#card(id, item)));
    this.find('[data-selected-count]').textContent = this.size;
    this.find('[data-selected-none]').hidden = this.size > 0;
    this.find('[data-clear]').hidden = this.size < 2;
  }

  #card(id, item) {
    const card = this.pattern.content.firstElementChild.cloneNode(true);
    card.querySelector('bdi').textContent = item.name;
    card.querySelector('small').textContent = item.path;
    const label = card.querySelector('[data-text]');
    label.textContent = label.dataset.text.replace('{name}', item.name);
    card.querySelector('button').addEventListener('click', () => {
      const at = [...this.items.keys()].indexOf(id);
      this.set(id, null);
      const left = this.find('[data-selected]').children;
      (left[Math.min(at, left.length - 1)]?.querySelector('button') ?? this.home).focus();
    });
    return card;
  }
}
