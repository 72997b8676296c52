// A tree view by the WAI-ARIA practices: several items may be ticked, children are fetched when a node opens.
// Ticking a unit never ticks what is below it: "Include all below" is another question, asked later.

const TYPE_AHEAD = 700;

const children = (node) => node.querySelector(':scope > ul');

export class Tree {
  /**
   * @param {HTMLElement} root the element with role=tree
   * @param {{load: (parent: string, offset: string, level: number) => Promise<string>, toggle: (node: HTMLElement) => void,
   *   chosen: (id: string) => boolean, fail: (error: Error) => void}} uses; a root that is alone opens by itself
   */
  constructor(root, uses) {
    this.root = root;
    this.uses = uses;
    this.typed = '';
    this.typedAt = 0;
    root.addEventListener('click', (event) => this.#clicked(event));
    root.addEventListener('keydown', (event) => this.#pressed(event));
    root.addEventListener('focusin', (event) => {
      const node = event.target.closest('[role=treeitem]');
      if (node) this.#rove(node);
    });
    this.adopt(root);
    if (root.children.length === 1) this.#open(root.firstElementChild).catch(uses.fail);
  }

  /** Show what is chosen on nodes just put in, and keep exactly one tab stop. */
  adopt(list) {
    for (const node of list.children) {
      if (node.dataset.id) node.setAttribute('aria-checked', String(this.uses.chosen(node.dataset.id)));
    }
    if (!this.current?.isConnected) {
      this.current = this.root.querySelector('[role=treeitem]');
      if (this.current) this.current.tabIndex = 0;
    }
  }

  /** Tick or untick the node of an item, if it is in sight. */
  mark(id, on) {
    this.root.querySelector(`[data-id="${CSS.escape(id)}"]`)?.setAttribute('aria-checked', String(on));
  }

  /** The names of the nodes above this one, from the top. */
  pathOf(node) {
    const names = [];
    for (let at = this.#parent(node); at; at = this.#parent(at)) names.unshift(at.dataset.name);
    return names;
  }

  focusFirst() {
    this.#focus(this.current);
  }

  #rove(node) {
    if (this.current) this.current.tabIndex = -1;
    node.tabIndex = 0;
    this.current = node;
  }

  #focus(node) {
    if (!node) return;
    this.#rove(node);
    node.focus({ preventScroll: true });
    node.firstElementChild.scrollIntoView({ block: 'nearest' });
  }

  #parent(node) {
    const above = node.parentElement.closest('[role=treeitem]');
    return above && this.root.contains(above) ? above : null;
  }

  #next(node) {
    if (node.getAttribute('aria-expanded') === 'true' && children(node).firstElementChild) {
      return children(node).firstElementChild;
    }
    for (let at = node; at; at = this.#parent(at)) {
      if (at.nextElementSibling) return at.nextElementSibling;
    }
    return null;
  }

  #previous(node) {
    let at = node.previousElementSibling;
    if (!at) return this.#parent(node);
    while (at.getAttribute('aria-expanded') === 'true' && children(at).lastElementChild) at = children(at).lastElementChild;
    return at;
  }

  #last() {
    let at = this.root.lastElementChild;
    while (at?.getAttribute('aria-expanded') === 'true' && children(at).lastElementChild) at = children(at).lastElementChild;
    return at;
  }

  async #open(node) {
    if (node.getAttribute('aria-expanded') !== 'false') return;
    const list = children(node);
    if (!list.childElementCount) {
      node.setAttribute('aria-busy', 'true');
      try {
        list.innerHTML = await this.uses.load(node.dataset.id, '0', Number(node.getAttribute('aria-level')) + 1);
        this.adopt(list);
      } finally {
        node.removeAttribute('aria-busy');
      }
    }
    node.setAttribute('aria-expanded', 'true');
  }

  async #more(node) {
    const list = node.parentElement;
    const before = node.previousElementSibling;
    node.setAttribute('aria-busy', 'true');
    try {
      const html = await this.uses.load(node.dataset.parent, node.dataset.more, Number(node.getAttribute('aria-level')));
      node.insertAdjacentHTML('afterend', html);
    } finally {
      node.removeAttribute('aria-busy');
    }
    const first = node.nextElementSibling;
    node.remove();
    this.adopt(list);
    this.#focus(first ?? before);
  }

  async #act(node) {
    if (node.classList.contains('more')) await this.#more(node);
    else if (node.getAttribute('aria-disabled') !== 'true') this.uses.toggle(node);
  }

  #clicked(event) {
    const node = event.target.closest('[role=treeitem]');
    if (!node) return;
    this.#focus(node);
    if (!event.target.closest('.twisty') || !node.hasAttribute('aria-expanded')) this.#act(node);
    else if (node.getAttribute('aria-expanded') === 'true') node.setAttribute('aria-expanded', 'false');
    else this.#open(node).catch(this.uses.fail);
  }

  #pressed(event) {
    const node = event.target.closest('[role=treeitem]');
    if (!node || event.ctrlKey || event.metaKey || event.altKey) return;
    const act = this.#actionOf(node, event.key);
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    Promise.resolve(act()).catch(this.uses.fail);
  }

  #actionOf(node, key) {
    const mirrored = getComputedStyle(this.root).direction === 'rtl';
    const forward = mirrored ? 'ArrowLeft' : 'ArrowRight';
    const expanded = node.getAttribute('aria-expanded');
    switch (key) {
      case 'ArrowDown': return () => this.#focus(this.#next(node));
      case 'ArrowUp': return () => this.#focus(this.#previous(node));
      case 'ArrowLeft':
      case 'ArrowRight':
        if (key === forward) return () => (expanded === 'true' ? this.#focus(this.#next(node)) : this.#open(node));
        return () => (expanded === 'true' ? node.setAttribute('aria-expanded', 'false') : this.#focus(this.#parent(node)));
      case 'Home': return () => this.#focus(this.root.firstElementChild);
      case 'End': return () => this.#focus(this.#last());
      case ' ':
      case 'Enter': return () => this.#act(node);
      case '*': return () => Promise.all([...node.parentElement.children].map((one) => this.#open(one)));
      default: return key.length === 1 ? () => this.#typeAhead(node, key) : null;
    }
  }

  #typeAhead(node, key) {
    const now = Date.now();
    this.typed = now - this.typedAt > TYPE_AHEAD ? key : this.typed + key;
    this.typedAt = now;
    const wanted = this.typed.toLocaleLowerCase();
    const start = this.typed.length > 1 ? node : this.#next(node) ?? this.root.firstElementChild;
    let at = start;
    do {
      if (at.querySelector('.name').textContent.trim().toLocaleLowerCase().startsWith(wanted)) {
        this.#focus(at);
        return;
      }
      at = this.#next(at) ?? this.root.firstElementChild;
    } while (at !== start);
  }
}
