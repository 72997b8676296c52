// Life inside the host's iframe: how tall the frame should be, and which part of it is on screen.
const LEAST = 560;
const NOTICEABLE = 4;
const framed = window.parent !== window;

/**
 * The part of this document that is visible in the top-level window. An IntersectionObserver without a root
 * measures against the top-level viewport, across origins too.
 * @returns {Promise<{top: number, height: number}|null>} null outside a frame
 */
export function visiblePart() {
  if (!framed) return Promise.resolve(null);
  return new Promise((resolve) => {
    const observer = new IntersectionObserver(([entry]) => {
      observer.disconnect();
      const { top, height } = entry.intersectionRect;
      resolve(height ? { top, height } : null);
    });
    observer.observe(document.documentElement);
  });
}

/** Tell the host how tall the page is; never so tall that sticky parts and dialogs get out of sight. */
export function followFrame() {
  if (!framed) return;
  const origin = document.querySelector('meta[name=host-origin]')?.content || '*';
  let last = 0;
  const send = () => {
    const content = [...document.querySelectorAll('body > header, body > main')];
    const wanted = content.reduce((sum, part) => sum + part.offsetHeight, 0);
    const most = Math.max(640, window.screen.availHeight - 130);
    const height = Math.min(Math.max(LEAST, Math.ceil(wanted)), most);
    if (Math.abs(height - last) <= NOTICEABLE) return;
    last = height;
    window.parent.postMessage({ subject: 'lti.frameResize', height }, origin);
  };
  new ResizeObserver(send).observe(document.querySelector('main'));
  send();
}
