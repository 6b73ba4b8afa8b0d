import { init } from "./redoc.js";

// Without this it would tell another host how it is used.
init("openapi.json", { disableTelemetry: true }, document.getElementById("page"));
