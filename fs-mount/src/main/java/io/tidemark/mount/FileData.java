package io.tidemark.mount;

import io.tidemark.mount.fuse.Errno;
import io.tidemark.mount.fuse.FuseRequest;
import java.io.IOException;
import java.nio.ByteBuffer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Reading, writing and syncing the bytes of files. */
final class FileData {
  private static final Logger LOG = LoggerFactory.getLogger(FileData.class);

  private final Tree tree;
  private final HandleTable handles;
  private final KernelView kernel;
  private final Conversion conversion;

  FileData(Tree tree, HandleTable handles, KernelView kernel, Conversion conversion) {
    this.tree = tree;
    this.handles = handles;
    this.kernel = kernel;
    this.conversion = conversion;
  }

  void read(FuseRequest request, long handleNumber, long offset, int size) {
    Handle handle = handles.get(handleNumber);
    if (handle == null) {
      request.error(Errno.EBADF);
    } else if (handle.node instanceof TextNode) {
      byte[] bytes = ((TextNode) handle.node).bytes();
      ByteBuffer out = request.dataBuffer(size);
      if (offset < bytes.length) {
        out.put(bytes, (int) offset, (int) Math.min(size, bytes.length - offset));
      }
      request.replyData();
    } else if (handle.node instanceof FileNode) {
      Content content = ((FileNode) handle.node).content;
      if (content.readMayWait(size)) {
        request.blocking(() -> readNow(request, content, offset, size));
      } else {
        readNow(request, content, offset, size);
      }
    } else {
      request.error(Errno.EISDIR);
    }
  }

  private static void readNow(FuseRequest request, Content content, long offset, int size) {
    try {
      content.read(request.dataBuffer(size), offset);
    } catch (IOException e) {
      request.error(FuseErrno.of(e));
      return;
    }
    request.replyData();
  }

  void write(FuseRequest request, long id, long handleNumber, long offset, ByteBuffer data) {
    Handle handle = handles.get(handleNumber);
    if (handle == null || !(handle.node instanceof FileNode)) {
      // Dirty pages of a mapping can come back without a handle of ours.
      Node node = tree.get(id);
      if (!(node instanceof FileNode)) {
        request.error(Errno.EBADF);
        return;
      }
      handle = new Handle(node);
    }
    handle.wrote = true;
    FileNode node = (FileNode) handle.node;
    Content content = node.content;
    if (content instanceof Content.Plain && content.size() == 0 && node.isKept()) {
      writeFirst(request, node, offset, data);
    } else if (content instanceof Content.Main
        && Conversion.isForeign((Content.Main) content, offset, data)) {
      Content.Main main = (Content.Main) content;
      request.blocking(
          () ->
              RequestWork.run(
                  request,
                  () -> {
                    conversion.makePlain(node, main);
                    writeNow(request, node, node.content, offset, data);
                  }));
    } else if (content.writeMayWait(offset)) {
      request.blocking(() -> writeNow(request, node, content, offset, data));
    } else {
      writeNow(request, node, content, offset, data);
    }
  }

  /** The first bytes of a file say whether it may become a database. */
  private void writeFirst(FuseRequest request, FileNode node, long offset, ByteBuffer data) {
    RequestWork.runLocked(
        tree.lock,
        request,
        () -> {
          if (offset == 0
              && Conversion.agreesWithMagic(data)
              && node.content instanceof Content.Plain) {
            conversion.makeProvisional(node);
          }
          writeNow(request, node, node.content, offset, data);
        });
  }

  private void writeNow(
      FuseRequest request, FileNode node, Content content, long offset, ByteBuffer data) {
    int length = data.remaining();
    try {
      content.write(data, offset);
    } catch (IOException e) {
      request.error(FuseErrno.of(e));
      // Shared mappings would go on showing the refused bytes.
      kernel.bytesChanged(node.id, offset, length);
      return;
    }
    node.attributes.wrote();
    if (content instanceof Content.Wal
        && ((Content.Wal) content).pages().wrote(offset, length, request.isWriteBack())
        && kernel.cache().holdsWhatIsStored()) {
      // May wait for a page that is being read.
      request.blocking(() -> giveWalPages(request, node, (Content.Wal) content, offset, length));
    } else {
      request.replyWritten(length);
    }
  }

  private void giveWalPages(
      FuseRequest request, FileNode node, Content.Wal wal, long offset, int length) {
    try {
      wal.pages().give(kernel.cache(), node.id, wal.file()::read, offset);
    } catch (IOException e) {
      LOG.debug("the WAL of {} cannot be read back", wal.database().name(), e);
    }
    request.replyWritten(length);
  }

  void fsync(FuseRequest request, long id) {
    Node node = tree.get(id);
    if (!(node instanceof FileNode)) {
      request.replyOk();
      return;
    }
    Content content = ((FileNode) node).content;
    if (content.syncMayWait()) {
      request.blocking(() -> syncNow(request, content));
    } else {
      syncNow(request, content);
    }
  }

  private static void syncNow(FuseRequest request, Content content) {
    try {
      content.sync();
    } catch (IOException e) {
      request.error(FuseErrno.of(e));
      return;
    }
    request.replyOk();
  }
}
