// test/image/sandbox.ts - runs a program in the virtual machine as the service runs: its user, its groups, and everything that systemd takes away from it.

const sandbox = [
  'User=tagd', 'Group=tagd', 'SupplementaryGroups=plugdev', 'StateDirectory=tagd', 'StateDirectoryMode=0700', 'RuntimeDirectory=tagd', 'UMask=0077',
  'NoNewPrivileges=yes', 'CapabilityBoundingSet=', 'AmbientCapabilities=', 'DevicePolicy=closed', 'DeviceAllow=char-usb_device rw', 'ProtectSystem=strict', 'ProtectHome=yes',
  'PrivateTmp=yes', 'ProtectProc=invisible', 'ProcSubset=pid', 'ProtectKernelTunables=yes', 'ProtectKernelModules=yes', 'ProtectKernelLogs=yes', 'ProtectControlGroups=yes',
  'ProtectClock=yes', 'ProtectHostname=yes', 'RestrictNamespaces=yes', 'RestrictRealtime=yes', 'RestrictSUIDSGID=yes',
  'RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK', 'LockPersonality=yes', 'RemoveIPC=yes', 'SystemCallArchitectures=native', 'SystemCallFilter=@system-service',
  'SystemCallFilter=~@privileged @resources', 'SystemCallErrorNumber=EPERM', 'KeyringMode=private', 'PrivateUsers=yes',
];

/** The command line that runs this TypeScript of the tree as a unit with the sandbox of the service, prints what it prints, and waits for its end. */
export function sandboxed(script: string, args: readonly (string | number)[] = [], more: readonly string[] = []): string {
  const name = 'under-test.service', output = '/run/under-test';
  const unit = [
    '[Service]', 'Type=oneshot', `ExecStart=/opt/node/node /opt/tagd/${script.replace(/ts$/, 'js')} ${args.join(' ')}`, `StandardOutput=file:${output}`, `StandardError=file:${output}`,
    'Environment=NODE_OPTIONS=--disable-warning=ExperimentalWarning', ...sandbox, ...more, '',
  ].join('\n');
  // There is no D-Bus in the machine, so `systemd-run` cannot wait; a pipe has the output as it comes.
  return [
    `echo ${Buffer.from(unit).toString('base64')} | busybox base64 -d > /run/systemd/system/${name}`, `busybox rm -f ${output}`, `busybox mkfifo ${output}`, 'systemctl daemon-reload',
    `{ cat ${output} & }`, `systemctl start ${name}; code=$?`, 'wait', '[ $code = 0 ] || systemctl status --no-pager --lines 0 under-test', '( exit $code )',
  ].join('; ');
}
