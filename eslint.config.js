// ESLint's recommended rules over the viewer and its tests; which names there are, TypeScript knows.
import js from "@eslint/js";

export default [
  { ignores: [".venv/", "artefacts/", "build/", "dist/"] },
  js.configs.recommended,
  { rules: { "no-undef": "off" }, linterOptions: { reportUnusedDisableDirectives: "error" } },
];
