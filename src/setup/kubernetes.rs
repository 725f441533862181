//! A Secret with the settings, and a CronJob that runs `pgcoffer tick` every hour.

use zeroize::Zeroizing;

use super::{Setup, quoting::double_quoted};

/// A CronJob that suits any cluster: no rights beyond those of the process, one run at a time. A tick that finds nothing
/// due ends at once, so every hour is often enough for any schedule. It runs at minute 7, because most other jobs run at
/// minute 0.
const CRON_JOB: &str = r#"---
apiVersion: batch/v1
kind: CronJob
metadata:
  name: pgcoffer
spec:
  schedule: "7 * * * *"
  concurrencyPolicy: Forbid
  successfulJobsHistoryLimit: 3
  failedJobsHistoryLimit: 3
  jobTemplate:
    spec:
      backoffLimit: 0
      template:
        spec:
          restartPolicy: Never
          enableServiceLinks: false
          automountServiceAccountToken: false
          terminationGracePeriodSeconds: 60
          securityContext:
            runAsNonRoot: true
            runAsUser: 65532
            runAsGroup: 65532
            seccompProfile:
              type: RuntimeDefault
          containers:
            - name: pgcoffer
              image: IMAGE
              args: [pgcoffer, tick]
              envFrom:
                - secretRef:
                    name: pgcoffer
              securityContext:
                allowPrivilegeEscalation: false
                readOnlyRootFilesystem: true
                capabilities:
                  drop: ["ALL"]
              resources:
                requests:
                  cpu: 100m
                  memory: 128Mi
                limits:
                  memory: 512Mi
              volumeMounts:
                - name: tmp
                  mountPath: /tmp
          volumes:
            - name: tmp
              emptyDir: {}
"#;

pub(super) fn manifests(setup: &Setup) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::from(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: pgcoffer\ntype: Opaque\nstringData:\n",
    ));
    for (name, value) in setup.elsewhere() {
        let value = Zeroizing::new(double_quoted(value));
        text.push_str(&format!("  {name}: {}\n", value.as_str()));
    }
    let image = concat!("ghcr.io/pgcoffer/pgcoffer:", env!("CARGO_PKG_VERSION"));
    text.push_str(&CRON_JOB.replace("IMAGE", image));
    text
}
