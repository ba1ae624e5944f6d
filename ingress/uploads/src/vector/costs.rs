//! What layers and paths cost, counted before they do.

use resvg::usvg::{ClipPath, Fill, Group, Node as Drawn, Paint, Path, Stroke};

use super::wrong;
use crate::picture::PictureError;

/// Most layers: each is drawn on a surface of its own, of up to 25 times the pixels of the image.
const LAYERS_MAX: usize = 64;
/// Most layers within one another, which take memory at the same time.
const LAYERS_WITHIN_MAX: usize = 4;
/// Most segments of all paths, those of a clip for each time that it is used: what is drawn grows by their
/// square where they cross.
const SEGMENTS_MAX: usize = 20_000;

/// Counts what layers and paths cost, before they do.
#[derive(Default)]
pub(super) struct Costs {
    layers: usize,
    segments: usize,
}

impl Costs {
    /// Refuses a group, within this many layers, that would cost too much.
    pub(super) fn count(&mut self, group: &Group, within: usize) -> Result<(), PictureError> {
        if !group.filters().is_empty() {
            return Err(wrong("has filters: turn what they do into shapes"));
        }
        if group.mask().is_some() {
            return Err(wrong("has masks: turn what they leave into shapes"));
        }
        let within = if group.should_isolate() {
            self.one_more(within)?
        } else {
            within
        };
        if let Some(clip) = group.clip_path() {
            self.count_clip(clip, within)?;
        }
        for child in group.children() {
            match child {
                Drawn::Group(group) => self.count(group, within)?,
                Drawn::Path(path) => self.count_path(path)?,
                Drawn::Image(_) | Drawn::Text(_) => {
                    return Err(wrong("has images or texts: turn them into shapes"));
                }
            }
        }
        Ok(())
    }

    fn count_path(&mut self, path: &Path) -> Result<(), PictureError> {
        let stroke = path.stroke();
        if stroke.is_some_and(|stroke| stroke.dasharray().is_some()) {
            return Err(wrong("has dashed lines: turn them into shapes"));
        }
        let paints = [path.fill().map(Fill::paint), stroke.map(Stroke::paint)];
        let is_pattern = |paint: &Paint| matches!(paint, Paint::Pattern(_));
        if paints.into_iter().flatten().any(is_pattern) {
            return Err(wrong("has patterns: turn them into shapes"));
        }
        self.segments += path.data().len();
        if self.segments > SEGMENTS_MAX {
            return Err(wrong(&format!(
                "has more than {SEGMENTS_MAX} segments of lines and curves, those of a clip counted each time \
                 that it is used; expected fewer: simplify its shapes"
            )));
        }
        Ok(())
    }

    fn count_clip(&mut self, clip: &ClipPath, within: usize) -> Result<(), PictureError> {
        let within = self.one_more(within)?;
        self.count(clip.root(), within)?;
        match clip.clip_path() {
            Some(next) => self.count_clip(next, within),
            None => Ok(()),
        }
    }

    fn one_more(&mut self, within: usize) -> Result<usize, PictureError> {
        self.layers += 1;
        if self.layers > LAYERS_MAX || within >= LAYERS_WITHIN_MAX {
            return Err(wrong(
                "has too much that is clipped or transparent as a whole: at most 64, and 4 within one another",
            ));
        }
        Ok(within + 1)
    }
}
