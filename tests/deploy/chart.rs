//! The Helm chart: rendered with Go's templates and Sprig, which are what Helm renders with, and held against its own
//! schema, Kubernetes' schemas, and the agent.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use serde_json::{Value, json};

use crate::{
    manifests::{assert_closed, assert_kubernetes_takes, documents, feed},
    release::run,
    testbed::{Agent, Cluster, INSTALL_HINT, S3Server, project},
};

const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

fn chart() -> PathBuf {
    project().join("packaging/helm/pgcoffer")
}

fn renderer() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let top = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let (program, cache) = (top.join("render"), top.join("go-cache"));
        let sprig = Path::new("/usr/share/gocode/src/github.com/Masterminds/sprig");
        assert!(sprig.exists(), "no Sprig: {INSTALL_HINT}");
        let mut go = Command::new("go");
        go.args(["build", "-o"]).arg(&program).arg(".");
        go.current_dir(project().join("tests/deploy/render"));
        go.env("GO111MODULE", "off").env("GOPATH", "/usr/share/gocode");
        run(go.env("GOCACHE", cache).env("GOFLAGS", ""));
        program
    })
}

/// What the chart makes of these values: the values with defaults, and the documents.
struct Rendered {
    values: Value,
    text: String,
    documents: Vec<Value>,
}

#[track_caller]
fn render(values: &Value) -> Rendered {
    let mut command = Command::new(renderer());
    command.arg(chart()).args(["nightly", "prod"]);
    let printed = feed(&mut command, &values.to_string());
    let (values, rest) = printed.split_once('\n').unwrap();
    let kept: Vec<_> = rest
        .split("---\n# Source: ")
        .filter(|part| !part.starts_with("NOTES.txt"))
        .collect();
    let text = kept.join("---\n# Source: ");
    let documents = documents(&text);
    Rendered {
        values: serde_json::from_str(values).unwrap(),
        text,
        documents,
    }
}

impl Rendered {
    fn all(&self, kind: &str) -> Vec<&Value> {
        self.documents.iter().filter(|d| d["kind"] == kind).collect()
    }
}

fn schema() -> jsonschema::Validator {
    let text = std::fs::read_to_string(chart().join("values.schema.json")).unwrap();
    jsonschema::validator_for(&serde_json::from_str(&text).unwrap()).unwrap()
}

fn least() -> Value {
    json!({
        "bucket": "s3://acme/backups",
        "keySecret": { "name": "pgcoffer-key" },
        "databases": { "shop": { "urlSecret": { "name": "shop", "key": "url" } } },
    })
}

fn much() -> Value {
    json!({
        "image": { "digest": format!("sha256:{}", "5a".repeat(32)) },
        "imagePullSecrets": [{ "name": "registry" }],
        "bucket": "s3://acme/backups", "region": "eu-central-1",
        "endpoint": "https://s3.example.com", "pathStyle": true,
        "keySecret": { "name": "pgcoffer", "key": "master" },
        "awsSecret": { "name": "aws" },
        "serviceAccount": { "annotations": { "eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/backup" } },
        "prune": false,
        "databases": {
            "shop": { "urlSecret": { "name": "shop", "key": "url" }, "schedule": "hourly keep 24h", "cron": "7 * * * *",
                      "keySecret": { "name": "shop-key", "key": "key" } },
            "a_name_that_is_long_enough_to_be_cut": { "urlSecret": { "name": "long", "key": "url" } },
            "a_name_that_is_long_enough_to_be_taken": { "urlSecret": { "name": "longer", "key": "url" } },
        },
        "settings": { "PGCOFFER_KEEP_LAST": 5, "PGCOFFER_STORAGE_CLASS": "STANDARD_IA" },
        "extraEnv": [{ "name": "AWS_EC2_METADATA_DISABLED", "value": "true" }],
        "extraEnvFrom": [{ "secretRef": { "name": "notifications" } }],
        "podAnnotations": { "a": "b" }, "podLabels": { "team": "data" },
        "nodeSelector": { "kubernetes.io/arch": "arm64" },
        "tolerations": [{ "key": "batch", "operator": "Exists" }],
        "affinity": { "nodeAffinity": {} }, "priorityClassName": "low",
    })
}

#[test]
fn kubernetes_takes_what_it_renders() {
    for mode in ["cronjob", "serve"] {
        for mut values in [least(), much()] {
            values["mode"] = json!(mode);
            let rendered = render(&values);
            assert_kubernetes_takes(&rendered.text);
            let faults: Vec<_> = schema().iter_errors(&rendered.values).map(|f| f.to_string()).collect();
            assert_eq!(faults, [""; 0]);
        }
    }
}

#[test]
fn each_database_has_a_cron_job_of_its_own() {
    let rendered = render(&much());
    let jobs = rendered.all("CronJob");
    let mut names: Vec<_> = jobs
        .iter()
        .map(|job| job["metadata"]["name"].as_str().unwrap())
        .collect();
    names.dedup();
    assert_eq!(names.len(), 3, "{names:?}");
    // Kubernetes adds eleven characters to make a Job's name
    assert!(names.iter().all(|name| name.len() <= 52), "{names:?}");
    for job in jobs {
        assert_eq!(job["spec"]["concurrencyPolicy"], "Forbid");
        let template = &job["spec"]["jobTemplate"]["spec"];
        assert_eq!(template["backoffLimit"], 0);
        let pod = &template["template"]["spec"];
        assert_closed(pod);
        assert_eq!(pod["restartPolicy"], "Never");
        let container = &pod["containers"][0];
        let urls = container["env"].as_array().unwrap().iter().filter(|variable| {
            let name = variable["name"].as_str().unwrap();
            name.starts_with("PGCOFFER_DB_") && name.ends_with("_URL")
        });
        assert_eq!(urls.count(), 1, "it knows one database");
        assert_eq!(container["args"][4], "--no-prune");
    }
    assert!(rendered.all("Deployment").is_empty());
}

#[test]
fn serving_is_one_pod_with_probes_for_all_databases() {
    let mut values = much();
    values["mode"] = json!("serve");
    values["serve"] = json!({ "serviceMonitor": { "enabled": true, "labels": { "release": "prometheus" } } });
    values["serve"]["prometheusRule"] = json!({ "enabled": true });
    values["serve"]["metricsToken"] = json!({ "name": "scrape" });
    let rendered = render(&values);
    let rules = rendered.all("PrometheusRule")[0];
    assert_eq!(rules["spec"]["groups"][0]["name"], "pgcoffer");
    assert!(rendered.all("CronJob").is_empty());
    let deployment = rendered.all("Deployment")[0];
    assert_eq!(deployment["spec"]["replicas"], 1);
    let pod = &deployment["spec"]["template"]["spec"];
    assert_closed(pod);
    let container = &pod["containers"][0];
    assert_eq!(container["livenessProbe"]["httpGet"]["path"], "/healthz");
    assert!(container["readinessProbe"].is_null());
    // what Prometheus sends is what the pod asks for
    let sent = &monitor_of(&rendered)["authorization"]["credentials"];
    let asked = variable(container, "PGCOFFER_METRICS_TOKEN");
    assert_eq!(sent, &json!({ "name": "scrape", "key": "token" }));
    assert_eq!(&asked["valueFrom"]["secretKeyRef"], sent);

    let service = rendered.all("Service")[0];
    let monitor = rendered.all("ServiceMonitor")[0];
    assert_eq!(monitor["metadata"]["labels"]["release"], "prometheus");
    let wanted = &monitor["spec"]["selector"]["matchLabels"];
    for (label, value) in wanted.as_object().unwrap() {
        assert_eq!(&service["metadata"]["labels"][label], value);
    }
    assert_eq!(
        monitor["spec"]["endpoints"][0]["port"],
        service["spec"]["ports"][0]["name"]
    );
}

fn monitor_of(rendered: &Rendered) -> &Value {
    &rendered.all("ServiceMonitor")[0]["spec"]["endpoints"][0]
}

fn variable<'a>(container: &'a Value, name: &str) -> &'a Value {
    let variables = container["env"].as_array().unwrap();
    let found = variables.iter().find(|variable| variable["name"] == name);
    found.unwrap_or(&Value::Null)
}

/// Metrics are for whom somebody has named, and never open because nobody said anything.
#[test]
fn metrics_are_closed_unless_somebody_opens_them() {
    let mut values = least();
    values["mode"] = json!("serve");
    let settings = |values: &Value| {
        let rendered = render(values);
        let container = &rendered.all("Deployment")[0]["spec"]["template"]["spec"]["containers"][0];
        ["PGCOFFER_METRICS_TOKEN", "PGCOFFER_METRICS_OPEN"].map(|name| !variable(container, name).is_null())
    };
    assert_eq!(settings(&values), [false, false]);
    values["serve"] = json!({ "metricsOpen": true });
    assert_eq!(settings(&values), [false, true]);
    values["serve"] = json!({ "metricsToken": { "name": "scrape" } });
    assert_eq!(settings(&values), [true, false]);
}

#[test]
fn the_dashboard_is_off_until_its_url_is_set_and_reached_by_that_host() {
    let mut values = least();
    values["mode"] = json!("serve");
    let dashboard = |values: &Value| -> Vec<String> {
        let rendered = render(values);
        let container = &rendered.all("Deployment")[0]["spec"]["template"]["spec"]["containers"][0];
        let names = container["env"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["name"].as_str().unwrap());
        names
            .filter(|name| name.contains("DASHBOARD"))
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(dashboard(&values), [""; 0]);
    values["serve"] = json!({
        "dashboard": { "url": "https://backups.example.com", "proxies": "10.0.0.0/8",
                       "passwords": { "name": "dashboard", "viewerKey": "viewer" } },
        "ingress": { "enabled": true, "className": "nginx", "tlsSecret": "backups-tls",
                     "annotations": { "cert-manager.io/cluster-issuer": "letsencrypt" } },
    });
    assert_eq!(
        dashboard(&values),
        [
            "PGCOFFER_DASHBOARD_URL",
            "PGCOFFER_DASHBOARD_PROXIES",
            "PGCOFFER_DASHBOARD_OPERATOR_HASH",
            "PGCOFFER_DASHBOARD_VIEWER_HASH"
        ]
    );
    let rendered = render(&values);
    assert_kubernetes_takes(&rendered.text);
    let faults: Vec<_> = schema().iter_errors(&rendered.values).map(|f| f.to_string()).collect();
    assert_eq!(faults, [""; 0]);
    let ingress = &rendered.all("Ingress")[0]["spec"];
    assert_eq!(ingress["rules"][0]["host"], "backups.example.com");
    assert_eq!(
        ingress["tls"][0],
        json!({ "hosts": ["backups.example.com"], "secretName": "backups-tls" })
    );
    let backend = &ingress["rules"][0]["http"]["paths"][0]["backend"]["service"];
    let service = rendered.all("Service")[0];
    assert_eq!(backend["name"], service["metadata"]["name"]);
    assert_eq!(backend["port"]["name"], service["spec"]["ports"][0]["name"]);
    // a CronJob answers nobody
    values["mode"] = json!("cronjob");
    assert!(render(&values).all("Ingress").is_empty());
}

#[test]
fn wrong_values_are_refused() {
    let schema = schema();
    let bad = [
        ("/bucket", json!("acme")),
        ("/bucket", json!("")),
        ("/databases", json!({})),
        ("/databases/Shop", json!({ "urlSecret": { "name": "a", "key": "b" } })),
        ("/databases/shop", json!({})),
        ("/databases/shop/url", json!("postgres://user:password@host/db")),
        ("/databases/shop/urlSecret", json!({ "name": "a" })),
        ("/keySecret", json!({ "name": "", "key": "key" })),
        ("/mode", json!("both")),
        ("/cron", json!("every ten minutes")),
        ("/image", json!({ "digest": "latest" })),
        ("/settings", json!({ "SHEDULE": "daily" })),
        ("/shedule", json!("daily")),
        ("/prune", json!("no")),
        ("/serve", json!({ "port": 80 })),
        // a scraper that nothing would be shown to
        ("/serve", json!({ "serviceMonitor": { "enabled": true } })),
        // an ingress that leads to no dashboard, or to one without TLS
        ("/serve", json!({ "ingress": { "enabled": true } })),
        (
            "/serve",
            json!({ "ingress": { "enabled": true }, "dashboard": { "url": "http://backups.example.com" } }),
        ),
        (
            "/serve",
            json!({ "dashboard": { "url": "https://user:password@backups.example.com" } }),
        ),
    ];
    let good = render(&least()).values;
    assert!(schema.is_valid(&good));
    for (pointer, value) in bad {
        let mut values = good.clone();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        values.pointer_mut(parent).unwrap()[name] = value.clone();
        assert!(!schema.is_valid(&values), "{pointer} = {value}");
    }
}

/// The environment and the arguments of a rendered container, with the secrets that they name, do a backup.
#[test]
fn what_it_renders_backs_up() {
    let (cluster, bucket) = (Cluster::start(None), S3Server::start());
    let mut values = much();
    for name in ["endpoint", "region", "pathStyle", "bucket", "prune", "extraEnvFrom"] {
        values.as_object_mut().unwrap().remove(name);
    }
    for (name, value) in bucket.env() {
        match name.as_str() {
            "PGCOFFER_BUCKET" => values["bucket"] = json!(value),
            "AWS_ENDPOINT_URL_S3" => values["endpoint"] = json!(value),
            "AWS_REGION" => values["region"] = json!(value),
            "PGCOFFER_S3_PATH_STYLE" => values["pathStyle"] = json!(value == "true"),
            _ => {}
        }
    }
    let (access, secret) = bucket.credentials();
    let reveal = |from: &Value| match from["key"].as_str().unwrap() {
        "url" => cluster.url("postgres"),
        "master" | "key" => KEY.to_owned(),
        "AWS_ACCESS_KEY_ID" => access.to_owned(),
        "AWS_SECRET_ACCESS_KEY" => secret.to_owned(),
        other => panic!("nobody asked for {other}"),
    };
    let rendered = render(&values);
    for job in rendered.all("CronJob") {
        let container = &job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0];
        let mut agent = Agent::new().env("PGCOFFER_PG_BIN", cluster.bin());
        for variable in container["env"].as_array().unwrap() {
            let value = match variable["value"].as_str() {
                Some(value) => value.to_owned(),
                None => reveal(&variable["valueFrom"]["secretKeyRef"]),
            };
            agent = agent.env(variable["name"].as_str().unwrap(), value);
        }
        let args: Vec<_> = container["args"]
            .as_array()
            .unwrap()
            .iter()
            .map(|a| a.as_str().unwrap())
            .collect();
        assert_eq!(args[0], "pgcoffer");
        let report = agent.run(args[1..].iter().copied().chain(["--json"])).success().json();
        assert_eq!(report["databases"][0]["backup"]["outcome"], "done", "{report:#}");
        assert_eq!(report["databases"].as_array().unwrap().len(), 1);
    }
}
