// Swagger UI over the schema of this server, as whom the browser is signed in.

const root = document.getElementById("swagger");

SwaggerUIBundle({
  url: root.dataset.schema,
  domNode: root,
  presets: [SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
  deepLinking: true,
  persistAuthorization: false,
  validatorUrl: null, // it would send the schema to a stranger
  requestInterceptor(request) {
    if (new URL(request.url, location.href).origin === location.origin) {
      request.headers["X-CSRFToken"] = root.dataset.csrf;
    }
    return request;
  },
});
