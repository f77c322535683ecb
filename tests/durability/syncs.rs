//! Is there a sync before each acknowledgement, and do those that wait together share it?
//!
//! Invariant: counted where the device is asked, so a sync that is saved by not syncing would show.

use std::thread;
use std::time::Duration;

use jiff::Timestamp;
use zhiyin::id::SpaceId;
use zhiyin::kb::{Editor, Kb, KbSettings, Publisher};
use zhiyin::model::account::Secret;
use zhiyin::model::article::Content;

use crate::server::ADMIN_KEY;
use crate::writer::content;

const WRITERS: usize = 8;
const WRITES: usize = 40;

struct Desk {
    kb: Kb,
    editor: Editor,
    publisher: Publisher,
    _folder: tempfile::TempDir,
}

impl Desk {
    fn open() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let settings = KbSettings {
            data_dir: folder.path().to_owned(),
            store_cache_bytes: 16 << 20,
            index_batch: 256,
            query_log_interval: Duration::from_secs(1),
            admin_secret: Some(Secret::new(ADMIN_KEY.to_owned())),
        };
        let (kb, _) = Kb::open(settings, Timestamp::now()).expect("an open knowledge base");
        let caller = kb.caller(Some(ADMIN_KEY), Timestamp::now()).expect("the admin");
        let space = SpaceId::default_space();
        let editor = kb.editor(&caller, &space).expect("an editor");
        let publisher = kb.publisher(&caller, &space).expect("a publisher");
        Self { kb, editor, publisher, _folder: folder }
    }

    fn publish(&self, word: &str) {
        let content: Content = serde_json::from_value(content(word)).expect("content");
        let now = Timestamp::now();
        self.kb
            .create_article(&self.editor, Some(&self.publisher), None, content, None, now)
            .expect("an acknowledgement");
    }
}

#[test]
fn each_acknowledgement_has_a_sync_before_it() {
    let desk = Desk::open();
    for number in 0..WRITES {
        let before = desk.kb.syncs();
        desk.publish(&format!("alone {number}"));
        assert!(desk.kb.syncs() > before, "acknowledgement {number} came without a sync");
    }
    desk.kb.close();
}

#[test]
fn those_that_wait_together_share_a_sync() {
    let desk = Desk::open();
    let before = desk.kb.syncs();
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let desk = &desk;
            scope.spawn(move || (0..WRITES).for_each(|number| desk.publish(&format!("together {writer} {number}"))));
        }
    });
    let (syncs, acknowledged) = (desk.kb.syncs() - before, (WRITERS * WRITES) as u64);
    desk.kb.close();
    println!("{acknowledged} acknowledgements of {WRITERS} writers shared {syncs} syncs");
    assert!(syncs < acknowledged, "{acknowledged} acknowledgements took {syncs} syncs");
}
