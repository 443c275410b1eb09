// What script adds to pages that work without it: the reader's own time, a language at the choice, no second sending, a
// word of warning, live eligibility, and news of claims that await somebody else.
const language = document.documentElement.lang;
const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const parsed = (html) => new DOMParser().parseFromString(html, 'text/html');

// announce has screen readers say a sentence. The page has this one live region.
function announce(sentence) {
  document.getElementById('announcer').textContent = sentence;
}

// As the server sent them, to be compared with what it sends later.
const parts = new Map(all('[data-part]').map((part) => [part.id, part.outerHTML]));

// Instants stand in the reader's own time, with UTC beside.
function localise(within) {
  for (const element of all('time.instant', within)) {
    const at = new Date(element.dateTime);
    if (at.getTimezoneOffset() === 0) continue;
    const shape = { day: 'numeric', month: 'long', year: 'numeric', hour: '2-digit', minute: '2-digit', hourCycle: 'h23', timeZoneName: 'short' };
    const utc = document.createElement('span');
    utc.className = 'utc';
    utc.textContent = element.textContent;
    element.replaceChildren(new Intl.DateTimeFormat(language === 'en' ? 'en-GB' : language, shape).format(at), ' ', utc);
  }
}
localise(document);

// A language that is picked from the open list is sent at once. By keyboard each arrow chooses another one, so there the
// button sends.
const choice = document.querySelector('select#language');
let byKeyboard = false;
choice?.addEventListener('keydown', () => { byKeyboard = true; });
choice?.addEventListener('pointerdown', () => { byKeyboard = false; });
choice?.addEventListener('change', () => {
  if (!byKeyboard) choice.form.requestSubmit(choice.parentElement.querySelector('button'));
});

// A form is sent once.
for (const form of all('form[method=post]')) {
  form.addEventListener('submit', (event) => {
    if (event.submitter?.value === 'download') return; // the page stays
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = 'yes';
  });
}
// A page that the browser kept may be sent again.
addEventListener('pageshow', () => {
  for (const form of all('form[data-sent]')) delete form.dataset.sent;
});

// Whoever leaves a form by its link is asked first if something was typed.
const form = document.getElementById('form');
const leaving = document.getElementById('leaving');
form?.addEventListener('input', () => { form.dataset.typed = ''; });
document.getElementById('leave')?.addEventListener('click', (event) => {
  if (!('typed' in form.dataset)) return;
  event.preventDefault();
  leaving.showModal();
});

// Eligibility and payouts are shown while the fields are filled in; without script the next step shows them.
const live = document.getElementById('live');
let asking, pause;
async function ask() {
  asking?.abort();
  const isMissing = (field) => field.required && !(field.type === 'radio' ? new FormData(form).has(field.name) : field.value.trim());
  if ([...form.elements].some(isMissing)) return live.replaceChildren();
  asking = new AbortController();
  const values = new URLSearchParams(new FormData(form));
  values.set('go', 'live');
  try {
    const answer = await fetch(form.getAttribute('action'), { method: 'POST', body: values, signal: asking.signal });
    if (!answer.ok || answer.redirected) return;
    live.replaceChildren(...parsed(await answer.text()).body.childNodes);
    announce(live.innerText);
  } catch { /* a later question replaced this one, or the next step will tell */ }
}
if (live) {
  form.addEventListener('input', (event) => {
    if (event.target === choice) return;
    clearTimeout(pause);
    pause = setTimeout(ask, 400);
  });
}

// Claims that await the customer or the program are looked at again while the page is in sight: every 20 seconds, for
// half an hour. A part that has the focus stays as it is.
let looks = 90;
async function look() {
  if (looks-- <= 0 || document.hidden || !document.querySelector('[data-awaited]')) return;
  try {
    const answer = await fetch(location.href);
    if (!answer.ok || answer.redirected) return;
    const page = parsed(await answer.text());
    for (const part of all('[data-part]')) {
      const now = page.getElementById(part.id);
      if (!now || now.outerHTML === parts.get(part.id) || part.contains(document.activeElement)) continue;
      parts.set(part.id, now.outerHTML);
      part.replaceWith(now);
      localise(now);
      if (now.dataset.part) announce(now.dataset.part);
    }
  } catch { /* the next look may succeed */ }
}
if (parts.size > 0) {
  setInterval(look, 20_000);
  document.addEventListener('visibilitychange', look);
}

// A file's rows are added piece by piece, and script goes on by itself.
document.querySelector('button[data-continue]')?.click();
