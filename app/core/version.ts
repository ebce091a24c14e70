// core/version.ts - the version that hello, --version and MQTT give; a test holds it to package.json.
export const version = '0.1.0';
