//! The bucket and its identities, for CloudFormation and Terraform; and the policies that stand in the documentation:
//! all of them are what `pgcoffer policy` prints.

use std::{collections::BTreeMap, fs, process::Command};

use serde_json::Value;

use crate::{
    cloudformation::Stack,
    manifests::{feed, tool},
    testbed::{binary, project},
};

const MODES: [&str; 4] = ["full", "drop-box", "prune", "restore"];
const LOCKS: [&str; 3] = ["off", "governance", "compliance"];
const DAYS: &str = "31";
const TERRAFORM: &str = "packaging/aws/terraform";

/// What the agent prints for this bucket, below the prefix `prefix/of/ours`.
fn printed(mode: &str, lock: &str, place: &str) -> Value {
    let mut policy = Command::new(binary());
    policy.env_clear().args(["policy", "--service", "aws", "--mode", mode]);
    policy.args(["--lock-days", DAYS, "--bucket", place]);
    if lock != "off" {
        policy.env("PGCOFFER_LOCK", lock);
    }
    serde_json::from_str(&feed(&mut policy, "")).unwrap()
}

fn stack(mode: &str, agent: &str, lock: &str) -> Stack {
    let parameters = [
        ("BucketName", "acme-backups"),
        ("Prefix", "prefix/of/ours"),
        ("Mode", mode),
        ("Agent", agent),
        ("Lock", lock),
        ("LockDays", DAYS),
    ];
    Stack::new("packaging/aws/cloudformation.yaml", &parameters)
}

#[test]
fn cloudformations_linter_finds_nothing() {
    feed(
        tool("cfn-lint").args(["--template", "packaging/aws/cloudformation.yaml"]),
        "",
    );
}

/// A test of the test.
#[test]
fn cloudformations_linter_finds_typing_errors() {
    let good = fs::read_to_string(project().join("packaging/aws/cloudformation.yaml")).unwrap();
    for (right, wrong) in [
        ("BlockPublicAcls: true", "BlockPublicAcl: true"),
        ("Condition: AgentIsUser", "Condition: AgentIsAUser"),
        ("!Ref PruneUser", "!Ref PrunesUser"),
    ] {
        let bad = good.replacen(right, wrong, 1);
        assert_ne!(bad, good);
        let file = tempfile::NamedTempFile::with_suffix(".yaml").unwrap();
        fs::write(file.path(), bad).unwrap();
        let output = tool("cfn-lint").arg("--template").arg(file.path()).output().unwrap();
        assert!(!output.status.success(), "{wrong}");
    }
}

#[test]
fn a_stacks_policies_are_what_the_agent_prints() {
    for agent_mode in ["full", "drop-box"] {
        for lock in LOCKS {
            let stack = stack(agent_mode, "user", lock);
            let modes: &[&str] = match agent_mode {
                "full" => &["full", "restore"],
                _ => &["drop-box", "prune", "restore"],
            };
            let policies: BTreeMap<_, _> = stack.of_type("AWS::IAM::ManagedPolicy").into_iter().collect();
            assert_eq!(policies.len(), modes.len(), "{agent_mode}: {:?}", policies.keys());
            for mode in modes {
                let described = format!("What pgcoffer policy --mode {mode} prints");
                let mut of_mode = policies.values().filter(|one| one["Description"] == *described);
                let found = &of_mode.next().unwrap()["PolicyDocument"];
                let wanted = printed(mode, lock, "s3://acme-backups/prefix/of/ours");
                assert_eq!(*found, wanted, "{mode}, lock {lock}");
            }
        }
    }
}

/// Each policy is somebody's, and nobody has two.
#[test]
fn a_stacks_identities_have_one_policy_each() {
    for (mode, agent, identities, policies_of_nobody) in [
        ("full", "user", vec!["AgentUser", "RestoreUser"], 0),
        ("full", "ec2", vec!["AgentRole", "RestoreUser"], 0),
        (
            "drop-box",
            "ecs-tasks",
            vec!["AgentRole", "PruneUser", "RestoreUser"],
            0,
        ),
        ("drop-box", "policies-only", vec!["PruneUser", "RestoreUser"], 1),
    ] {
        let stack = stack(mode, agent, "off");
        let (mut with_policy, mut of_nobody) = (Vec::new(), 0);
        for (_, policy) in stack.of_type("AWS::IAM::ManagedPolicy") {
            let lists = ["Users", "Roles"]
                .into_iter()
                .filter_map(|list| policy[list].as_array());
            let names: Vec<_> = lists.flatten().map(|one| one.as_str().unwrap().to_owned()).collect();
            of_nobody += usize::from(names.is_empty());
            with_policy.extend(names);
        }
        with_policy.sort();
        assert_eq!(
            (with_policy, of_nobody),
            (
                identities.iter().map(|&one| one.to_owned()).collect(),
                policies_of_nobody
            )
        );
        let made = ["AWS::IAM::User", "AWS::IAM::Role"].map(|kind| stack.of_type(kind).len());
        assert_eq!(made.iter().sum::<usize>(), identities.len(), "{mode} {agent}");
    }
}

#[test]
fn a_stacks_bucket_is_closed_keeps_versions_and_stays() {
    for lock in LOCKS {
        let stack = stack("full", "user", lock);
        let buckets = stack.of_type("AWS::S3::Bucket");
        let [(_, bucket)] = &buckets[..] else {
            panic!("{buckets:?}")
        };
        assert_eq!(bucket["VersioningConfiguration"]["Status"], "Enabled");
        assert_eq!(bucket.get("ObjectLockEnabled").is_some(), lock != "off");
        let block = bucket["PublicAccessBlockConfiguration"].as_object().unwrap();
        assert!(block.len() == 4 && block.values().all(|on| on == true), "{block:?}");
        let rule = &bucket["LifecycleConfiguration"]["Rules"][0];
        assert_eq!(rule["Prefix"], "prefix/of/ours/");
        assert_eq!(rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"], 7);
        assert!(rule.get("ExpirationInDays").is_none(), "it would delete backups");
        for policy in ["DeletionPolicy", "UpdateReplacePolicy"] {
            assert_eq!(stack.template["Resources"]["Bucket"][policy], "Retain");
        }
    }
}

/// The file of a mode's policy in the module, and what it becomes.
fn terraforms(mode: &str, lock: &str) -> Value {
    let locked = if lock != "off" && mode != "restore" {
        "-locked"
    } else {
        ""
    };
    let file = format!("{TERRAFORM}/policies/{mode}{locked}.json.tftpl");
    let text = fs::read_to_string(project().join(file)).unwrap();
    let lock_mode = lock.to_uppercase();
    let values = [
        ("partition", "aws"),
        ("bucket", "acme-backups"),
        ("prefix", "prefix/of/ours"),
        ("lock_mode", &lock_mode),
        ("lock_days", DAYS),
    ];
    let text = values
        .iter()
        .fold(text, |text, (name, value)| text.replace(&format!("${{{name}}}"), value));
    assert!(!text.contains("${") && !text.contains("%{"), "{text}");
    serde_json::from_str(&text).unwrap()
}

#[test]
fn the_modules_policies_are_what_the_agent_prints() {
    for mode in MODES {
        for lock in LOCKS {
            let wanted = printed(mode, lock, "s3://acme-backups/prefix/of/ours");
            assert_eq!(terraforms(mode, lock), wanted, "{mode}, lock {lock}");
        }
    }
    let files = fs::read_dir(project().join(TERRAFORM).join("policies")).unwrap();
    assert_eq!(files.count(), 7, "a file that no mode takes");
}

/// Every file of the module, parsed, as one document for each.
fn parsed(folder: &str) -> Vec<Value> {
    const PARSE: &str = "import glob, hcl2, json, sys
json.dump([hcl2.load(open(name)) for name in sorted(glob.glob(sys.argv[1] + '/*.tf'))], sys.stdout)";
    let json = feed(tool("python").args(["-c", PARSE, folder]), "");
    serde_json::from_str(&json).unwrap()
}

/// The names of a kind of block, such as `variable`.
fn declared(files: &[Value], kind: &str) -> Vec<String> {
    let blocks = files.iter().filter_map(|file| file[kind].as_array()).flatten();
    let names = blocks.flat_map(|block| block.as_object().unwrap().keys());
    names.map(|name| name.trim_matches('"').to_owned()).collect()
}

#[test]
fn the_module_names_nothing_that_it_does_not_declare() {
    let files = parsed(TERRAFORM);
    assert_eq!(files.len(), 4);
    let text = serde_json::to_string(&files).unwrap();
    let variables = declared(&files, "variable");
    assert!(variables.len() >= 8, "{variables:?}");
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let used = |before: &str| -> Vec<String> {
        let parts = text.split(before).skip(1);
        parts
            .map(|rest| rest.chars().take_while(|c| is_of_name(*c)).collect())
            .collect()
    };
    for name in used("var.") {
        assert!(variables.contains(&name), "var.{name} is not declared");
    }
    for name in &variables {
        assert!(used("var.").contains(name), "var.{name} is not used");
    }
    let locals: Vec<_> = files
        .iter()
        .filter_map(|file| file["locals"].as_array())
        .flatten()
        .collect();
    let locals: Vec<_> = locals
        .iter()
        .flat_map(|block| block.as_object().unwrap().keys())
        .collect();
    for name in used("local.") {
        assert!(locals.contains(&&name), "local.{name} is not declared");
    }
    let resources = declared(&files, "resource");
    for name in used("aws_s3_bucket.") {
        assert_eq!(name, "backups");
    }
    assert!(resources.iter().any(|name| name == "aws_s3_bucket"), "{resources:?}");
}

/// The example takes the module as it is.
#[test]
fn the_example_sets_what_the_module_has() {
    let variables = declared(&parsed(TERRAFORM), "variable");
    let example = parsed(&format!("{TERRAFORM}/example"));
    let module = &example[0]["module"][0];
    let set = module
        .as_object()
        .unwrap()
        .values()
        .next()
        .unwrap()
        .as_object()
        .unwrap();
    let names = set.keys().filter(|name| !name.starts_with("__") && *name != "source");
    for name in names {
        assert!(variables.contains(name), "{name}");
    }
}

#[test]
fn the_page_names_every_parameter_and_every_variable() {
    let page = fs::read_to_string(project().join("docs/aws.md")).unwrap();
    let stack = stack("full", "user", "off");
    let parameters = stack.template["Parameters"].as_object().unwrap();
    for name in parameters.keys() {
        assert!(page.contains(&format!("\n| `{name}` |")), "{name}");
    }
    let in_link = page.split("&param_").skip(1);
    for name in in_link.map(|rest| rest.split('=').next().unwrap()) {
        assert!(parameters.contains_key(name), "{name}");
    }
    for name in declared(&parsed(TERRAFORM), "variable") {
        assert!(page.contains(&format!("`{name}`")), "{name}");
    }
}

/// All of the example, with the module's released source in place of the folder.
#[test]
fn the_page_shows_the_whole_example() {
    let page = fs::read_to_string(project().join("docs/aws.md")).unwrap();
    let example = fs::read_to_string(project().join(format!("{TERRAFORM}/example/main.tf"))).unwrap();
    let source = page.split("source = ").nth(1).and_then(|rest| rest.split('"').nth(1));
    let shown = example.replace("\"../\"", &format!("\"{}\"", source.unwrap()));
    let (comment, shown) = shown.split_once("\n\n").unwrap();
    assert!(comment.starts_with('#'), "{comment}");
    assert!(page.contains(&format!("```text\n{shown}```\n")), "{shown}");
}

/// The page has them for readers who have no binary yet.
#[test]
fn the_documented_policies_are_what_the_agent_prints() {
    let page = fs::read_to_string(project().join("docs/policies.md")).unwrap();
    for mode in MODES {
        let (_, below) = page.split_once(&format!("\n## `{mode}`")).unwrap();
        let (_, block) = below.split_once("```json\n").unwrap();
        let (text, _) = block.split_once("```").unwrap();
        let shown: Value = serde_json::from_str(text).unwrap();
        assert_eq!(shown, printed(mode, "off", "s3://your-bucket/backups"), "{mode}");
    }
}
