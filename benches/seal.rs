//! How fast sealing and opening are, beside the primitives that bound them.
//!
//! `cargo bench --bench seal` prints one table. The cases take turns, so that a neighbour's load
//! falls on all of them alike; compare within one table only, by the ratios. The rate is that of
//! plaintext (GB/s, 10^9 bytes).

#![allow(clippy::print_stdout, reason = "a benchmark's result is what it prints")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use aes::Aes256Enc;
use cipher::{BlockModeEncrypt, KeyInit, KeyIvInit, block_padding::Pkcs7};
use hmac::{Hmac, Mac};
use pgcoffer::seal::{
    Content, Error, FRAME_SIZE, Group, LANES, MasterKey, OpenGroup, Opener, PayloadCompression, RepositoryId,
    SealedHeader, Sealer, Secret, Subject,
};
use sha2::Sha256;

const ROUNDS: usize = 11;
const GROUPS_PER_ROUND: usize = 24;
const GROUP_SIZE: usize = LANES * FRAME_SIZE;

type Case = (&'static str, Box<dyn FnMut() -> Duration>);

fn main() -> Result<(), Error> {
    let secret = Secret::Key(MasterKey::generate()?);
    let mut cases: Vec<Case> = vec![
        ("HMAC-SHA-256 alone (hmac crate)", Box::new(hmac_alone())),
        (
            "seal, one frame at a time (cbc and hmac crates)",
            Box::new(one_at_a_time()),
        ),
        ("seal, lock step", Box::new(lock_step(&secret)?)),
        (
            "seal, lock step, with the copy into the group",
            Box::new(lock_step_with_copy(&secret)?),
        ),
        ("seal, lock step, two threads", Box::new(two_threads(&secret)?)),
        ("open", Box::new(open(&secret)?)),
    ];
    let mut rates = vec![Vec::new(); cases.len()];
    for _ in 0..ROUNDS {
        for ((_, case), rates) in cases.iter_mut().zip(&mut rates) {
            rates.push((GROUPS_PER_ROUND * GROUP_SIZE) as f64 / case().as_secs_f64() / 1e9);
        }
    }
    print_table(&cases, &mut rates);
    Ok(())
}

fn print_table(cases: &[Case], rates: &mut [Vec<f64>]) {
    for rates in rates.iter_mut() {
        rates.sort_by(f64::total_cmp);
    }
    let median = |case: usize| rates[case][ROUNDS / 2];
    println!(
        "{} KiB frames, {LANES} to a group, {ROUNDS} rounds of {} MiB, GB/s",
        FRAME_SIZE >> 10,
        (GROUPS_PER_ROUND * GROUP_SIZE) >> 20
    );
    println!(
        "{:<50} {:>7} {:>7} {:>7} {:>8} {:>8}",
        "", "median", "min", "max", "x HMAC", "x single"
    );
    for (at, (name, _)) in cases.iter().enumerate() {
        println!(
            "{name:<50} {:>7.3} {:>7.3} {:>7.3} {:>8.2} {:>8.2}",
            median(at),
            rates[at][0],
            rates[at][ROUNDS - 1],
            median(at) / median(0),
            median(at) / median(1)
        );
    }
}

/// The sum of what `run` takes over a round, without what `prepare` takes.
fn timed<T, R>(mut prepare: impl FnMut() -> T, mut run: impl FnMut(T) -> R, mut after: impl FnMut(R)) -> Duration {
    let mut total = Duration::ZERO;
    for _ in 0..GROUPS_PER_ROUND {
        let input = prepare();
        let start = Instant::now();
        let output = run(input);
        total += start.elapsed();
        after(output);
    }
    total
}

fn hmac_alone() -> impl FnMut() -> Duration {
    let data = vec![7; FRAME_SIZE];
    let key = Hmac::<Sha256>::new(&[1; 64].into());
    move || {
        let frames = |()| {
            for _ in 0..LANES {
                black_box(key.clone().chain_update(black_box(&data)).finalize());
            }
        };
        timed(|| (), frames, |()| ())
    }
}

fn one_at_a_time() -> impl FnMut() -> Duration {
    let mut frame = vec![7; FRAME_SIZE + 16];
    let hmac = Hmac::<Sha256>::new(&[1; 64].into());
    move || {
        let frames = |()| {
            for _ in 0..LANES {
                let cipher = cbc::Encryptor::<Aes256Enc>::new(&[2; 32].into(), &[3; 16].into());
                let ciphertext = cipher.encrypt_padded::<Pkcs7>(&mut frame, FRAME_SIZE).expect("it fits");
                black_box(hmac.clone().chain_update(ciphertext).chain_update([0; 25]).finalize());
            }
        };
        timed(|| (), frames, |()| ())
    }
}

fn sealer(secret: &Secret) -> Result<(Sealer, Vec<u8>), Error> {
    let subject = Subject {
        repository: &RepositoryId::generate()?,
        backup: "20261120T070000Z-abcdefghijkl",
        content: Content::Archive,
        compression: PayloadCompression::Zstd,
        database: "main",
    };
    Sealer::new(&subject, std::slice::from_ref(secret))
}

/// Pushes until a group is full.
fn full_group(sealer: &mut Sealer, plaintext: &[u8]) -> Group {
    loop {
        if let Some(group) = sealer.push(&mut &plaintext[..]) {
            return group;
        }
    }
}

fn lock_step(secret: &Secret) -> Result<impl FnMut() -> Duration + use<>, Error> {
    let (sealer, _) = sealer(secret)?;
    let sealer = std::cell::RefCell::new(sealer);
    let plaintext = vec![7; GROUP_SIZE];
    Ok(move || {
        timed(
            || full_group(&mut sealer.borrow_mut(), &plaintext),
            |group| group.seal().expect("randomness is there"),
            |sealed| sealer.borrow_mut().recycle(sealed),
        )
    })
}

fn lock_step_with_copy(secret: &Secret) -> Result<impl FnMut() -> Duration + use<>, Error> {
    let (sealer, _) = sealer(secret)?;
    let sealer = std::cell::RefCell::new(sealer);
    let plaintext = vec![7; GROUP_SIZE];
    Ok(move || {
        timed(
            || (),
            |()| {
                full_group(&mut sealer.borrow_mut(), &plaintext)
                    .seal()
                    .expect("randomness is there")
            },
            |sealed| sealer.borrow_mut().recycle(sealed),
        )
    })
}

/// Two groups at once, each on a thread of its own: half as many turns.
fn two_threads(secret: &Secret) -> Result<impl FnMut() -> Duration + use<>, Error> {
    let (mut sealer, _) = sealer(secret)?;
    let plaintext = vec![7; GROUP_SIZE];
    Ok(move || {
        let mut total = Duration::ZERO;
        let mut halves: [Vec<Group>; 2] = Default::default();
        for at in 0..GROUPS_PER_ROUND {
            halves[at % 2].push(full_group(&mut sealer, &plaintext));
        }
        let start = Instant::now();
        let sealed: Vec<Vec<u8>> = std::thread::scope(|scope| {
            let threads = halves.map(|half| scope.spawn(|| half.into_iter().map(Group::seal).collect::<Vec<_>>()));
            let sealed = threads.map(|thread| thread.join().expect("no thread panics"));
            sealed
                .into_iter()
                .flatten()
                .map(|sealed| sealed.expect("randomness is there"))
                .collect()
        });
        total += start.elapsed();
        sealed.into_iter().for_each(|sealed| sealer.recycle(sealed));
        total
    })
}

fn open(secret: &Secret) -> Result<impl FnMut() -> Duration + use<>, Error> {
    let (mut sealer, header) = sealer(secret)?;
    let sealed = full_group(&mut sealer, &vec![7; GROUP_SIZE + 1]).seal()?;
    let (header, _) = SealedHeader::parse_whole(&header)?;
    let keys = header.unlock(std::slice::from_ref(secret))?;
    Ok(move || {
        timed(
            || first_group(&mut Opener::new(keys.clone(), FRAME_SIZE), &sealed),
            |group| group.open().expect("nothing was changed"),
            |plaintext| {
                black_box(plaintext);
            },
        )
    })
}

fn first_group(opener: &mut Opener, sealed: &[u8]) -> OpenGroup {
    assert!(opener.push(&mut &sealed[..]).is_none());
    opener
        .push(&mut &[0][..])
        .expect("a byte behind it shows that the group is full")
}
