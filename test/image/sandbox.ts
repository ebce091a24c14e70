// test/image/sandbox.ts - runs a program in the virtual machine as the service runs: its user, its groups, and everything that systemd takes away from it.

const sandbox = [
  'User=tagd', 'Group=tagd', 'SupplementaryGroups=plugdev', 'StateDirectory=tagd', 'StateDirectoryMode=0700', 'RuntimeDirectory=tagd', 'UMask=0077',
  'NoNewPrivileges=yes', 'CapabilityBoundingSet=', 'AmbientCapabilities=', 'DevicePolicy=closed', 'DeviceAllow=char-usb_device rw', 'ProtectSystem=strict', 'ProtectHome=yes',
  'PrivateTmp=yes', 'ProtectProc=invisible', 'ProcSubset=pid', 'ProtectKernelTunables=yes', 'ProtectKernelModules=yes', 'ProtectKernelLogs=yes', 'ProtectControlGroups=yes',
  'ProtectClock=yes', 'ProtectHostname=yes', 'RestrictNamespaces=yes', 'RestrictRealtime=yes', 'RestrictSUIDSGID=yes',
  'RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK', 'LockPersonality=yes', 'RemoveIPC=yes', 'SystemCallArchitectures=native', 'SystemCallFilter=@system-service',
  'SystemCallFilter=~@privileged @resources', 'SystemCallErrorNumber=EPERM', 'KeyringMode=private', 'PrivateUsers=yes',
];

const name = 'under-test.service', folder = '/opt/tagd', output = '/run/under-test', variables = '/run/under-test.env';

/** Files of the disk with the tree: the unit, and the script that runs it with its arguments, prints what it prints and waits for its end. */
export const sandboxFiles: Readonly<Record<string, string>> = {
  [name]: [
    '[Service]', 'Type=oneshot', `EnvironmentFile=${variables}`, 'ExecStart=/opt/node/node $ARGUMENTS', `StandardOutput=file:${output}`, `StandardError=file:${output}`,
    'Environment=NODE_OPTIONS=--disable-warning=ExperimentalWarning', ...sandbox, '',
  ].join('\n'),
  // There is no D-Bus in the machine, so `systemd-run` cannot wait; a pipe has the output as it comes.
  'under-test.sh': `echo "ARGUMENTS='$*'" > ${variables}
cp ${folder}/${name} /run/systemd/system/
systemctl daemon-reload
busybox rm -f ${output}
busybox mkfifo ${output}
cat ${output} &
systemctl start ${name}
code=$?
wait
[ $code = 0 ] || systemctl status --no-pager --lines 0 ${name}
exit $code
`,
};

/** Ends what `sandboxed` runs. */
export const stopSandboxed = `systemctl kill --signal KILL ${name}`;

/** The command line for this TypeScript of the tree. It is short: a serial line into a busy computer is no place for long ones. */
export function sandboxed(script: string, args: readonly (string | number)[] = []): string {
  return ['sh', `${folder}/under-test.sh`, `${folder}/${script.replace(/ts$/, 'js')}`, ...args].join(' ');
}
