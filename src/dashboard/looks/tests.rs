use super::*;
use crate::{agent::Overview, dashboard::role::Role};

fn overview() -> Answer {
    Answer::Overview(Overview {
        at: Timestamp::now(),
        databases: Vec::new(),
        not_configured: Vec::new(),
        writes_only: false,
    })
}

/// Answers every look after a while, and counts them.
fn runner(mut asked: AskedOfRunner) -> tokio::task::JoinHandle<usize> {
    tokio::spawn(async move {
        let mut count = 0;
        while let Some((_, reply)) = asked.looks.recv().await {
            count += 1;
            tokio::time::sleep(Duration::from_millis(50)).await;
            let _ = reply.send(Ok(overview()));
        }
        count
    })
}

#[tokio::test]
async fn a_hundred_readers_cost_one_look() {
    let (looks, asked) = channel(BTreeSet::new());
    let runner = runner(asked);
    let readers = (0..100).map(|_| looks.ask(&Question::Overview));
    let seen = futures_util::future::join_all(readers).await;
    assert!(seen.iter().all(|seen| seen.answer.is_some() && !seen.is_looking));
    for _ in 0..100 {
        assert!(looks.ask(&Question::Overview).await.answer.is_some());
    }
    looks.known.expire();
    looks.ask(&Question::Overview).await;
    drop(looks);
    assert_eq!(runner.await.unwrap(), 2);
}

#[tokio::test]
async fn no_page_waits_longer_than_a_person_would() {
    let (mut looks, mut asked) = channel(BTreeSet::new());
    looks.wait = Duration::from_millis(30);
    let seen = looks.ask(&Question::Overview).await;
    assert!(seen.is_looking && seen.answer.is_none());
    // one reader has gone, the look goes on, and others join it
    let second = looks.ask(&Question::Overview).await;
    assert!(second.is_looking);
    let Some((Question::Overview, reply)) = asked.looks.recv().await else {
        panic!("a look");
    };
    assert!(asked.looks.try_recv().is_err());
    assert!(reply.send(Ok(overview())).is_ok());
    looks.wait = Duration::from_secs(30);
    assert!(looks.ask(&Question::Overview).await.answer.is_some());
}

#[tokio::test]
async fn who_has_an_answer_of_the_last_minutes_does_not_wait_for_the_bucket() {
    let (looks, mut asked) = channel(BTreeSet::new());
    let answered = async {
        let Some((_, reply)) = asked.looks.recv().await else {
            panic!("a look");
        };
        assert!(reply.send(Ok(overview())).is_ok());
    };
    let (seen, ()) = futures_util::future::join(looks.ask(&Question::Overview), answered).await;
    assert!(!seen.is_looking);
    // a while later nobody answers the next look
    let older = Instant::now().checked_sub(FRESH + WAIT).unwrap();
    looks.known.locked().get_mut(&Question::Overview).unwrap().looked = Some(older);
    let begun = Instant::now();
    let shown = looks.ask(&Question::Overview).await;
    assert!(shown.answer.is_some() && shown.is_looking);
    assert!(begun.elapsed() < WAIT / 2);
    // but what was changed since is waited for
    looks.known.expire();
    let waits = tokio::time::timeout(WAIT_KNOWN * 3, looks.ask(&Question::Overview)).await;
    assert!(waits.is_err());
    let patient = tokio::time::timeout(WAIT_KNOWN * 3, looks.ask_patiently(&Question::Overview)).await;
    assert!(patient.is_err());
}

#[tokio::test]
async fn what_was_asked_for_is_bounded() {
    let labels: BTreeSet<Label> = (0..200).map(|n| Label::parse(&format!("db{n}")).unwrap()).collect();
    let (looks, asked) = channel(labels.clone());
    let runner = runner(asked);
    let questions: Vec<Question> = labels.into_iter().map(Question::Database).collect();
    // readers that give up leave nothing behind
    for question in &questions {
        let _ = tokio::time::timeout(Duration::from_millis(1), looks.ask(question)).await;
    }
    let waited = async {
        while looks.known.locked().values().any(|known| known.goes_on) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waited).await.unwrap();
    assert!(looks.known.locked().len() <= ANSWERS_MAX);
    drop(looks);
    runner.await.unwrap();
}

/// A bucket that hangs, and somebody who opens pages of databases that he makes up.
#[tokio::test]
async fn names_that_nobody_has_cost_one_look_and_keep_no_work_waiting() {
    let label = |name: &str| Label::parse(name).unwrap();
    let (mut looks, mut asked) = channel(BTreeSet::from([label("main")]));
    looks.wait = Duration::from_millis(30);
    let names: Vec<String> = (0..100).map(|n| format!("x{n}")).collect();
    let seen = futures_util::future::join_all(names.iter().map(|name| looks.ask_of(name))).await;
    assert!(seen.iter().all(|seen| seen.is_looking && seen.failure.is_none()));
    let Some((Question::Labels, reply)) = asked.looks.recv().await else {
        panic!("one look at which there are");
    };
    assert!(asked.looks.try_recv().is_err());
    // work has a way of its own
    let who = Asker {
        name: "ada".to_owned(),
        role: Role::Operator,
        address: [127, 0, 0, 1].into(),
    };
    looks.work(Act::TestNotice, 1, who).unwrap();
    assert!(matches!(asked.requests.try_recv(), Ok(Asked::Work(..))));
    // once it is known, those that are there are looked at, and no others
    let there = Answer::Labels(Some(BTreeSet::from([label("main"), label("beside")])));
    assert!(reply.send(Ok(there)).is_ok());
    looks.wait = Duration::from_secs(30);
    let seen = looks.ask_of("x1").await;
    assert!(seen.failure.is_some_and(|failure| failure.is_missing));
    looks.wait = Duration::from_millis(30);
    for there in ["main", "beside"] {
        assert!(looks.ask_of(there).await.is_looking);
        assert!(
            matches!(asked.looks.try_recv(), Ok((Question::Database(_), _))),
            "{there}"
        );
    }
}

impl Looks {
    async fn ask_of(&self, label: &str) -> Seen {
        self.ask(&Question::Database(Label::parse(label).unwrap())).await
    }
}
