//! The optional folder of a store: one embedded database, locked while it is open.
//!
//! Every commit is written before the request is answered but is not forced to the platter: the files survive the
//! death of the process at any moment, and closing forces them out.

use std::fs::{self, File, OpenOptions};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use redb::backends::FileBackend;
use redb::{Database, ReadableTable, StorageBackend, TableDefinition};

use crate::store::{Key, Stored};

const OBJECTS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("objects");
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");

/// Why a folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    /// The folder or its files cannot be made or read.
    #[error("failed to open the sandbox's store in `{path}`")]
    Io {
        /// The folder.
        path: String,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// Another process has it open.
    #[error("the sandbox's store in `{0}` is in use by another process")]
    InUse(String),
    /// The database in it cannot be read or written.
    #[error("the sandbox's store cannot be read or written")]
    Database(#[from] redb::Error),
}

/// An open folder.
pub(crate) struct Disk {
    database: Database,
    force: Arc<AtomicBool>,
    failure: Mutex<Option<redb::Error>>,
    _lock: File,
}

/// A file whose writes are forced out only when asked for.
#[derive(Debug)]
struct LazyFile {
    file: FileBackend,
    force: Arc<AtomicBool>,
}

impl StorageBackend for LazyFile {
    fn len(&self) -> Result<u64, std::io::Error> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), std::io::Error> {
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> Result<(), std::io::Error> {
        self.file.set_len(len)
    }

    fn sync_data(&self) -> Result<(), std::io::Error> {
        if self.force.load(Ordering::Relaxed) {
            self.file.sync_data()
        } else {
            Ok(())
        }
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), std::io::Error> {
        self.file.write(offset, data)
    }

    fn close(&self) -> Result<(), std::io::Error> {
        self.file.close()
    }
}

fn failed(folder: &Path) -> impl Fn(std::io::Error) -> DiskError + '_ {
    |source| DiskError::Io {
        path: folder.display().to_string(),
        source,
    }
}

/// Takes the lock of a folder, which is made when it is missing.
fn lock(folder: &Path) -> Result<File, DiskError> {
    fs::create_dir_all(folder).map_err(failed(folder))?;
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(folder.join("lock"))
        .map_err(failed(folder))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(DiskError::InUse(folder.display().to_string())),
        Err(fs::TryLockError::Error(error)) => Err(failed(folder)(error)),
    }
}

impl Disk {
    /// Removes what a folder holds.
    pub(crate) fn erase(folder: &Path) -> Result<(), DiskError> {
        let _lock = lock(folder)?;
        match fs::remove_file(folder.join("objects.redb")) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(failed(folder)(error)),
            _ => Ok(()),
        }
    }

    /// Opens or makes a folder and takes its lock.
    pub(crate) fn open(folder: &Path) -> Result<Self, DiskError> {
        let lock = lock(folder)?;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(folder.join("objects.redb"))
            .map_err(failed(folder))?;
        let force = Arc::new(AtomicBool::new(false));
        let backend = LazyFile {
            file: FileBackend::new(file).map_err(redb::Error::from)?,
            force: force.clone(),
        };
        let database = Database::builder()
            .create_with_backend(backend)
            .map_err(redb::Error::from)?;
        Ok(Self {
            database,
            force,
            failure: Mutex::new(None),
            _lock: lock,
        })
    }

    /// Everything it holds, with the last version.
    pub(crate) fn load(&self) -> Result<(u64, Vec<(Key, Stored)>), redb::Error> {
        let transaction = self.database.begin_write()?;
        let mut objects = Vec::new();
        let version;
        {
            let meta = transaction.open_table(META)?;
            version = meta.get("version")?.map_or(0, |value| value.value());
            let table = transaction.open_table(OBJECTS)?;
            for entry in table.iter()? {
                let (name, json) = entry?;
                let mut parts = name.value().split('/');
                let (Some(resource), Some(namespace), Some(name)) =
                    (parts.next(), parts.next(), parts.next())
                else {
                    continue;
                };
                let key = Key {
                    resource: resource.into(),
                    namespace: namespace.into(),
                    name: name.into(),
                };
                let stored = Stored::of_json(json.value().to_vec(), version);
                objects.push((key, stored));
            }
        }
        transaction.commit()?;
        Ok((version, objects))
    }

    /// Writes one change. A failure is kept and told by [`Disk::flush`].
    pub(crate) fn write(&self, version: u64, key: &Key, stored: Option<&Stored>) {
        if let Err(error) = self.try_write(version, key, stored) {
            *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        }
    }

    fn try_write(&self, version: u64, key: &Key, stored: Option<&Stored>) -> Result<(), redb::Error> {
        let name = format!("{}/{}/{}", key.resource, key.namespace, key.name);
        let transaction = self.database.begin_write()?;
        {
            let mut objects = transaction.open_table(OBJECTS)?;
            match stored {
                Some(stored) => drop(objects.insert(name.as_str(), &*stored.json)?),
                None => drop(objects.remove(name.as_str())?),
            }
            transaction.open_table(META)?.insert("version", version)?;
        }
        transaction.commit()?;
        Ok(())
    }

    /// Forces everything out and tells of a write that failed.
    pub(crate) fn flush(&self) -> Result<(), redb::Error> {
        if let Some(error) = self.failure.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return Err(error);
        }
        self.force.store(true, Ordering::Relaxed);
        let done = self
            .database
            .begin_write()
            .map_err(redb::Error::from)
            .and_then(|transaction| {
                transaction.open_table(META)?;
                Ok(transaction.commit()?)
            });
        self.force.store(false, Ordering::Relaxed);
        done
    }
}
