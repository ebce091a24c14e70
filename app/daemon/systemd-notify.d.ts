// daemon/systemd-notify.d.ts - the package has no types of its own.
declare module 'systemd-notify' {
  export default function notify(options: { ready?: boolean; pid?: number; status?: string; booted?: boolean }): Promise<string>;
}
