// What script adds to pages that work without it: the reader's own time beside UTC, a language at the choice, and no second
// sending while the first is under way.
const language = document.documentElement.lang;

for (const element of document.querySelectorAll('time.instant')) {
  const at = new Date(element.dateTime);
  if (at.getTimezoneOffset() === 0) continue;
  const parts = { day: 'numeric', month: 'long', year: 'numeric', hour: '2-digit', minute: '2-digit', hourCycle: 'h23', timeZoneName: 'short' };
  const utc = document.createElement('span');
  utc.className = 'utc';
  utc.textContent = element.textContent;
  element.replaceChildren(new Intl.DateTimeFormat(language === 'en' ? 'en-GB' : language, parts).format(at), ' ', utc);
}

const choice = document.querySelector('select#language');
choice?.addEventListener('change', () => {
  const button = choice.parentElement.querySelector('button');
  choice.form.requestSubmit(button);
});

for (const form of document.querySelectorAll('form[method=post]')) {
  form.addEventListener('submit', (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = 'yes';
  });
}
// A page that the browser kept may be sent again.
addEventListener('pageshow', () => {
  for (const form of document.querySelectorAll('form[data-sent]')) delete form.dataset.sent;
});

// A file's rows are added piece by piece, and script goes on by itself.
document.querySelector('button[data-continue]')?.click();
