// Menus are <details> with links: they work without this; with it arrows, Escape and a click outside do too.

function close(menu, focus) {
  menu.open = false;
  if (focus) menu.querySelector('summary').focus();
}

function move(menu, key) {
  const links = [...menu.querySelectorAll('ul a')];
  const at = links.indexOf(document.activeElement);
  const wanted = {
    ArrowDown: (at + 1) % links.length,
    ArrowUp: (at <= 0 ? links.length : at) - 1,
    Home: 0,
    End: links.length - 1,
  }[key];
  if (wanted === undefined) return false;
  menu.open = true;
  links[wanted].focus();
  return true;
}

export function watchMenus() {
  document.addEventListener('keydown', (event) => {
    const menu = event.target.closest?.('details[data-menu]');
    if (!menu) return;
    if (event.key === 'Escape' && menu.open) {
      close(menu, true);
      event.preventDefault();
    } else if ((menu.open || event.key.startsWith('Arrow')) && move(menu, event.key)) {
      event.preventDefault();
    }
  });
  document.addEventListener('click', (event) => {
    for (const menu of document.querySelectorAll('details[data-menu][open]')) {
      if (!menu.contains(event.target) || event.target.closest('ul a')) close(menu, false);
    }
  });
  document.addEventListener('focusin', (event) => {
    for (const menu of document.querySelectorAll('details[data-menu][open]')) {
      if (!menu.contains(event.target)) close(menu, false);
    }
  });
}
