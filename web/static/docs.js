// Show the OpenAPI document with Swagger UI, as the person who is signed in if there is one. Asks no other server for anything.

const { ui, document: address } = document.body.dataset;
const csrf = document.querySelector('meta[name="csrf-token"]')?.content;
const night = matchMedia("(prefers-color-scheme: dark)");

const dress = () => document.documentElement.classList.toggle("dark-mode", night.matches);
night.addEventListener("change", dress);
dress();

const [spec] = await Promise.all([fetch(address).then((response) => response.json()), load(ui)]);
// A browser sends its session by itself, and lets no page set a cookie: there is nothing to fill in for it.
delete spec.components.securitySchemes.session;
spec.security = [{ bearer: [] }];
delete spec.servers; // there is one, and nothing to choose

SwaggerUIBundle({
  spec,
  dom_id: "#swagger-ui",
  presets: [SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  validatorUrl: null,
  syntaxHighlight: { theme: "obsidian" }, // the one whose colours can all be read
  requestInterceptor(request) {
    if (csrf) request.headers["X-CSRF-Token"] = csrf;
    return request;
  },
});

function load(src) {
  return new Promise((resolve, reject) => {
    document.head.append(Object.assign(document.createElement("script"), { src, onload: resolve, onerror: reject }));
  });
}
