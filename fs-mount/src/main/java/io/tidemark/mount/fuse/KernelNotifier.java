package io.tidemark.mount.fuse;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Notifications of the kernel protocol ({@code enum fuse_notify_code}). Each message is built in a
 * buffer of its own from the request pool: a call can wait inside the kernel for a page that is
 * being read or written back, and must not hold up notifications for other files.
 */
final class KernelNotifier implements KernelCache {
  private static final Logger log = LoggerFactory.getLogger(KernelNotifier.class);

  private static final int INVAL_INODE = 2;
  private static final int INVAL_ENTRY = 3;
  private static final int STORE = 4;

  private static final int BODY = 16;
  private static final int MAX_STORE = MountOptions.MAX_WRITE;

  private final KernelTransport transport;

  KernelNotifier(KernelTransport transport) {
    this.transport = transport;
  }

  @Override
  public void invalidate(long node, long offset, long length) {
    invalidateInode(node, offset, length);
  }

  @Override
  public void invalidateAttributes(long node) {
    // A negative offset leaves the page cache alone (fuse_reverse_inval_inode).
    invalidateInode(node, -1, 0);
  }

  private void invalidateInode(long node, long offset, long length) {
    KernelRequest message = transport.pool().take();
    if (message == null) {
      return;
    }
    message.buffer().putLong(BODY, node).putLong(BODY + 8, offset).putLong(BODY + 16, length);
    send(message, INVAL_INODE, 24, node);
  }

  @Override
  public void invalidateEntry(long parent, String name) {
    byte[] bytes = name.getBytes(StandardCharsets.UTF_8);
    KernelRequest message = transport.pool().take();
    if (message == null) {
      return;
    }
    message
        .buffer()
        .putLong(BODY, parent)
        .putInt(BODY + 8, bytes.length)
        .putInt(BODY + 12, 0)
        .put(BODY + 16, bytes)
        .put(BODY + 16 + bytes.length, (byte) 0);
    send(message, INVAL_ENTRY, 16 + bytes.length + 1, parent);
  }

  @Override
  public boolean holdsWhatIsStored() {
    return true;
  }

  @Override
  public void store(long node, long offset, ByteBuffer data) {
    int start = data.position();
    int total = data.remaining();
    for (int done = 0; done < total; ) {
      int part = Math.min(MAX_STORE, total - done);
      KernelRequest message = transport.pool().take();
      if (message == null) {
        return;
      }
      message
          .buffer()
          .putLong(BODY, node)
          .putLong(BODY + 8, offset + done)
          .putInt(BODY + 16, part)
          .putInt(BODY + 20, 0)
          .put(BODY + 24, data, start + done, part);
      message.touched = Math.max(message.touched, part);
      send(message, STORE, 24 + part, node);
      done += part;
    }
  }

  private void send(KernelRequest message, int code, int bytes, long node) {
    int errno = message.notifyKernel(transport.fd(), code, bytes);
    message.dropped();
    // ENOENT: the kernel remembers nothing of it. ENODEV, ENOTCONN: unmounted meanwhile.
    if (errno != 0 && errno != Errno.ENOENT && errno != Errno.ENODEV && errno != Errno.ENOTCONN) {
      log.warn("notification {} of node {} failed: {}", code, node, Errno.name(errno));
    }
  }
}
