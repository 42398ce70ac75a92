// A sign-in link is used up by a form, which needs no second click of a person: what only looks at addresses runs no scripts.

document.querySelector("form[data-at-once]")?.requestSubmit();
