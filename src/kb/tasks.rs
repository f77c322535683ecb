//! Review tasks: what speaks against an article, listed for its editors and closed by them, or by a newer version.
//!
//! Invariant: a task is shown only to who may see its article; whether it is open is told by the article as it is now.

use jiff::Timestamp;
use serde_json::json;

use super::{Editor, Grant, Kb};
use crate::error::{Error, Result};
use crate::id::ArticleId;
use crate::model::page::Page;
use crate::model::task::{Closed, Task, TaskStatus, TaskView};
use crate::model::text::Note;
use crate::store::AuditDraft;

impl Kb {
    /// Review tasks, those with the most complaints first.
    ///
    /// # Errors
    /// [`Error::InvalidQuery`] for a cursor that this list did not give; [`Error::Store`].
    pub fn list_tasks(
        &self,
        editor: &Editor,
        status: Option<TaskStatus>,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page<TaskView>> {
        let grant = editor.grant();
        let offset: usize = match cursor {
            None => 0,
            Some(text) => text.parse().map_err(|_| Error::query("cursor", "it is not one that this list gave"))?,
        };
        let mut tasks = Vec::new();
        for task in self.inner.store.tasks(&grant.space)? {
            let view = self.task_view(grant, task)?;
            tasks.extend(view.filter(|view| status.is_none_or(|status| view.status == status)));
        }
        let complaints = |task: &TaskView| task.low_ratings + task.not_helpful + task.handed_off;
        tasks.sort_by(|a, b| {
            let order = complaints(b).cmp(&complaints(a)).then(b.last_at.cmp(&a.last_at));
            order.then_with(|| a.article_id.cmp(&b.article_id))
        });
        let more = tasks.len() > offset + limit;
        let items = tasks.into_iter().skip(offset).take(limit).collect();
        Ok(Page { items, next_cursor: more.then(|| (offset + limit).to_string()) })
    }

    /// Closes a task; one that is closed already stays as it is.
    ///
    /// # Errors
    /// [`Error::TaskNotFound`].
    pub fn close_task(&self, editor: &Editor, id: &ArticleId, note: Option<Note>, now: Timestamp) -> Result<TaskView> {
        let (grant, store) = (editor.grant(), &self.inner.store);
        let not_found = || Error::TaskNotFound(id.clone());
        let lock = store.lock(&grant.space);
        let task = store.task(&grant.space, id)?.ok_or_else(not_found)?;
        let view = self.task_view(grant, task.clone())?.ok_or_else(not_found)?;
        if view.status == TaskStatus::Closed {
            return Ok(view);
        }
        let detail = json!({ "version": task.version, "complaints": task.complaints(), "note": note });
        let task = Task { closed: Some(Closed { by: grant.actor.clone(), at: now, note }), ..task };
        let mut batch = store.batch();
        batch.put_task(&grant.space, &task);
        batch.audit(AuditDraft {
            at: now,
            actor: grant.actor.clone(),
            action: "task.close".into(),
            space: Some(grant.space.clone()),
            subject: id.to_string(),
            detail,
        });
        let ticket = store.commit(batch)?;
        drop(lock);
        store.sync(ticket)?;
        self.task_view(grant, task)?.ok_or_else(not_found)
    }

    /// A task as the caller may see it; nothing where the version complained of, or the live one, is not for them.
    fn task_view(&self, grant: &Grant, task: Task) -> Result<Option<TaskView>> {
        let article = self.inner.store.get_article(&grant.space, &task.article)?;
        let version = self.inner.store.get_version(&grant.space, &task.article, task.version)?;
        let Some(version) = version.filter(|version| grant.sees(version.content.audience)) else { return Ok(None) };
        if let Some(article) = &article
            && article.live.is_some()
            && self.live_version(grant, article)?.is_none()
        {
            return Ok(None);
        }
        let (status, end) = task.standing(article.as_ref());
        Ok(Some(TaskView {
            article_id: task.article,
            space: grant.space.clone(),
            title: version.content.title.to_string(),
            version: task.version,
            status,
            end,
            low_ratings: task.low_ratings,
            not_helpful: task.not_helpful,
            handed_off: task.handed_off,
            first_at: task.first_at,
            last_at: task.last_at,
            questions: task.questions,
            comments: task.comments,
            closed: task.closed,
        }))
    }
}
