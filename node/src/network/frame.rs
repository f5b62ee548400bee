//! Frames on a stream: four bytes of length, little-endian, then the message. An empty frame says
//! only that the sender lives.

use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use linli_types::limits;
use std::io;

/// Why no frame came.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FrameError {
    /// Longer than any message may be: the peer's fault.
    #[error("a frame of {0} bytes")]
    TooLong(u32),
    /// The stream ended inside a frame: the connection died, nobody's fault.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Reads one frame.
///
/// # Errors
///
/// [`FrameError`].
pub(crate) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Result<Vec<u8>, FrameError> {
    let mut head = [0; 4];
    stream.read_exact(&mut head).await?;
    let len = u32::from_le_bytes(head);
    let size = usize::try_from(len).unwrap_or(usize::MAX);
    if size > limits::MESSAGE_BYTES_MAX {
        return Err(FrameError::TooLong(len));
    }
    let mut bytes = vec![0; size];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}

/// Writes one frame; the caller flushes.
///
/// # Errors
///
/// The stream's error, or `InvalidInput` for a message that no receiver would take.
pub(crate) async fn write(
    stream: &mut (impl AsyncWrite + Unpin),
    message: &[u8],
) -> io::Result<()> {
    let len = u32::try_from(message.len()).ok();
    let len = len.filter(|_| message.len() <= limits::MESSAGE_BYTES_MAX);
    let len = len.ok_or(io::ErrorKind::InvalidInput)?;
    stream.write_all(&len.to_le_bytes()).await?;
    stream.write_all(message).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::executor::block_on;
    use futures::io::Cursor;

    #[test]
    fn frames_come_back_in_order() {
        block_on(async {
            let mut out = Cursor::new(Vec::new());
            for message in [&b"one"[..], b"", &[7; 100_000]] {
                write(&mut out, message).await.unwrap();
            }
            let mut from = Cursor::new(out.into_inner());
            assert_eq!(read(&mut from).await.unwrap(), b"one");
            assert_eq!(read(&mut from).await.unwrap(), b"");
            assert_eq!(read(&mut from).await.unwrap(), vec![7; 100_000]);
            assert!(matches!(read(&mut from).await, Err(FrameError::Io(_))));
        });
    }

    #[test]
    fn a_length_above_the_bound_is_a_fault_and_takes_no_memory() {
        let mut from = Cursor::new(u32::MAX.to_le_bytes().to_vec());
        assert!(matches!(block_on(read(&mut from)), Err(FrameError::TooLong(u32::MAX))));
    }

    #[test]
    fn a_message_that_nobody_would_take_is_not_sent() {
        let large = vec![0; limits::MESSAGE_BYTES_MAX + 1];
        assert!(block_on(write(&mut Cursor::new(Vec::new()), &large)).is_err());
    }
}
