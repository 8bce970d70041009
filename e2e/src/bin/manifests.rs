//! Writes the generated files of `deploy/`.

use anyhow::{Context, Result};

fn main() -> Result<()> {
    let folder = e2e::manifests::folder();
    for (path, text) in e2e::manifests::files()? {
        let path = folder.join(path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
        println!("{}", path.display());
    }
    Ok(())
}
