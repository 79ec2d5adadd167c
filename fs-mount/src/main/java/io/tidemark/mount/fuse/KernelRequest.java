package io.tidemark.mount.fuse;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;

/**
 * A request in its own buffer, answered from the same buffer. Layout in bytes:
 *
 * <pre>
 * 0      small replies (header and body)
 * 4080   header of a data reply: it ends where the data begins
 * 4096   the request as read; after decoding, the data of a READ or READDIR reply
 * </pre>
 *
 * So a page-aligned READ reply goes out with one write(2) and without a copy. The payload of a
 * WRITE stays where the kernel put it until the request is answered.
 */
final class KernelRequest implements FuseRequest {
  private static final int DATA = 4096;
  private static final int REPLY_HEADER = 16;

  /** struct fuse_in_header. */
  static final int HEADER = 40;

  /** fuse_in_header and fuse_write_in precede the payload of a WRITE. */
  private static final int WRITE_PAYLOAD = DATA + HEADER + 40;

  /** Room for the largest WRITE. */
  static final int CAPACITY = 4096 + MountOptions.MAX_WRITE;

  static final int BUFFER_SIZE = DATA + CAPACITY;

  private static final int NAME_MAX = 255;

  /** write_flags of fuse.h. */
  private static final int FUSE_WRITE_CACHE = 1;

  private final KernelTransport transport;
  private final RequestPool pool;
  private final ByteBuffer io;
  private final long base;
  private final ByteBuffer payload;
  private final ByteBuffer data;

  /** Bytes of the data area used since the last {@link #discard}. */
  int touched;

  /** The descriptor the request came from; its reply must go there. */
  private int fd;

  private int length;

  /** Identifies the request to the kernel; 0 while there is none to answer. */
  private long unique;

  private int opcode;
  private long node;
  private int uid;
  private int gid;
  private int tid;
  private int umask;

  KernelRequest(KernelTransport transport, RequestPool pool, ByteBuffer buffer) {
    this.transport = transport;
    this.pool = pool;
    io = buffer;
    base = Native.address(buffer);
    payload = io.duplicate().order(ByteOrder.BIG_ENDIAN);
    data = io.slice(DATA, MountOptions.MAX_WRITE).order(ByteOrder.BIG_ENDIAN);
  }

  ByteBuffer buffer() {
    return io;
  }

  long inputAddress() {
    return base + DATA;
  }

  /** Returns the pages of the data area to the system. */
  void discard() {
    if (touched > 0) {
      Native.discard(base + DATA, CAPACITY);
      touched = 0;
    }
  }

  /** Takes over a request of {@code bytes} bytes that was read to {@link #inputAddress}. */
  boolean accept(int fromFd, int bytes) {
    touched = Math.max(touched, bytes);
    if (bytes < HEADER || io.getInt(DATA) != bytes) {
      return false;
    }
    fd = fromFd;
    length = bytes;
    opcode = io.getInt(DATA + 4);
    unique = io.getLong(DATA + 8);
    node = io.getLong(DATA + 16);
    uid = io.getInt(DATA + 24);
    gid = io.getInt(DATA + 28);
    tid = io.getInt(DATA + 32);
    umask = 0;
    return true;
  }

  // What the request says; offsets count from the end of the header

  int opcode() {
    return opcode;
  }

  long unique() {
    return unique;
  }

  long node() {
    return node;
  }

  int bodyLength() {
    return length - HEADER;
  }

  int bodyInt(int offset) {
    return io.getInt(DATA + HEADER + offset);
  }

  long bodyLong(int offset) {
    return io.getLong(DATA + HEADER + offset);
  }

  void umask(int value) {
    umask = value;
  }

  /** The bytes to write; empty when the request contradicts itself. */
  ByteBuffer payload(int size) {
    if (size < 0 || size > length - HEADER - 40) {
      return null;
    }
    return payload.limit(WRITE_PAYLOAD + size).position(WRITE_PAYLOAD);
  }

  /** Offset behind the NUL of the string at {@code offset}; -1 without NUL. */
  int endOfString(int offset) {
    for (int i = DATA + HEADER + offset; i < DATA + length; i++) {
      if (io.get(i) == 0) {
        return i + 1 - DATA - HEADER;
      }
    }
    return -1;
  }

  /**
   * The name at {@code offset}. Null when no file can have it; then the request has been answered.
   */
  String name(int offset) {
    int end = endOfString(offset);
    int bytes = end - 1 - offset;
    if (end < 0 || bytes == 0) {
      error(Errno.EINVAL);
      return null;
    }
    if (bytes > NAME_MAX) {
      error(Errno.ENAMETOOLONG);
      return null;
    }
    String name = decode(offset, bytes);
    if (name == null) {
      error(Errno.EILSEQ);
      return null;
    }
    if (name.equals(".") || name.equals("..") || name.indexOf('/') >= 0) {
      error(Errno.EINVAL);
      return null;
    }
    return name;
  }

  /** A symbolic link's target: any text. Null as for {@link #name}. */
  String target(int offset) {
    int end = endOfString(offset);
    String text = end < 0 ? null : decode(offset, end - 1 - offset);
    if (text == null) {
      error(end < 0 ? Errno.EINVAL : Errno.EILSEQ);
    }
    return text;
  }

  @SuppressWarnings("deprecation") // the only decoder that copies ASCII bytes without a detour
  private String decode(int offset, int count) {
    byte[] bytes = new byte[count];
    io.get(DATA + HEADER + offset, bytes);
    for (byte b : bytes) {
      if (b < 0) {
        return decodeUtf8(bytes);
      }
    }
    return new String(bytes, 0);
  }

  private static String decodeUtf8(byte[] bytes) {
    try {
      return StandardCharsets.UTF_8
          .newDecoder()
          .onMalformedInput(CodingErrorAction.REPORT)
          .onUnmappableCharacter(CodingErrorAction.REPORT)
          .decode(ByteBuffer.wrap(bytes))
          .toString();
    } catch (CharacterCodingException e) {
      return null;
    }
  }

  /** False for what the kernel asks by itself, in the name of no thread. */
  boolean hasAsker() {
    return switch (opcode) {
      case Opcode.FORGET,
          Opcode.BATCH_FORGET,
          Opcode.RELEASE,
          Opcode.RELEASEDIR,
          Opcode.INTERRUPT,
          Opcode.DESTROY ->
          false;
      default -> !isWriteBack();
    };
  }

  // FuseRequest

  @Override
  public boolean isWriteBack() {
    return opcode == Opcode.WRITE && bodyLength() >= 24 && (bodyInt(20) & FUSE_WRITE_CACHE) != 0;
  }

  @Override
  public int uid() {
    return uid;
  }

  @Override
  public int gid() {
    return gid;
  }

  @Override
  public int tid() {
    return tid;
  }

  @Override
  public int umask() {
    return umask;
  }

  @Override
  public void blocking(Runnable work) {
    transport.blocking(this, work);
  }

  @Override
  public void error(int errno) {
    send(0, 0, -errno);
  }

  @Override
  public void replyOk() {
    send(0, 0, 0);
  }

  @Override
  public void replyEntry(Entry entry) {
    putEntry(entry);
    send(0, 128, 0);
  }

  @Override
  public void replyNoEntry(long validNanos) {
    if (validNanos <= 0) {
      error(Errno.ENOENT);
      return;
    }
    clear(128);
    io.putLong(REPLY_HEADER + 16, validNanos / 1_000_000_000);
    io.putInt(REPLY_HEADER + 32, (int) (validNanos % 1_000_000_000));
    send(0, 128, 0);
  }

  @Override
  public void replyAttr(Attr attr, long validNanos) {
    io.putLong(REPLY_HEADER, validNanos / 1_000_000_000);
    io.putLong(REPLY_HEADER + 8, validNanos % 1_000_000_000);
    putAttr(REPLY_HEADER + 16, attr);
    send(0, 104, 0);
  }

  @Override
  public void replyOpen(long handle, int flags) {
    putOpen(REPLY_HEADER, handle, flags);
    send(0, 16, 0);
  }

  @Override
  public void replyCreate(Entry entry, long handle, int flags) {
    putEntry(entry);
    putOpen(REPLY_HEADER + 128, handle, flags);
    send(0, 144, 0);
  }

  @Override
  public void replyWritten(int bytes) {
    io.putLong(REPLY_HEADER, bytes & 0xffffffffL);
    send(0, 8, 0);
  }

  @Override
  public void replyTarget(String target) {
    data.clear().put(target.getBytes(StandardCharsets.UTF_8));
    replyData();
  }

  @Override
  public ByteBuffer dataBuffer(int size) {
    return data.clear().limit(size);
  }

  @Override
  public void replyData() {
    int bytes = data.position();
    touched = Math.max(touched, bytes);
    send(DATA - REPLY_HEADER, bytes, 0);
  }

  @Override
  public boolean addDirectoryEntry(long inode, long cookie, int type, String name) {
    byte[] bytes = name.getBytes(StandardCharsets.UTF_8);
    int start = data.position();
    int size = (24 + bytes.length + 7) & ~7;
    if (size > data.remaining()) {
      return false;
    }
    // struct fuse_dirent
    io.putLong(DATA + start, inode);
    io.putLong(DATA + start + 8, cookie);
    io.putInt(DATA + start + 16, bytes.length);
    io.putInt(DATA + start + 20, type);
    data.position(start + 24).put(bytes);
    while (data.position() < start + size) {
      data.put((byte) 0);
    }
    return true;
  }

  @Override
  public void replyDirectory() {
    replyData();
  }

  @Override
  public void replyStatfs(
      long blocks,
      long freeBlocks,
      long availableBlocks,
      long files,
      long freeFiles,
      int blockSize,
      int nameMax) {
    clear(80);
    io.putLong(REPLY_HEADER, blocks);
    io.putLong(REPLY_HEADER + 8, freeBlocks);
    io.putLong(REPLY_HEADER + 16, availableBlocks);
    io.putLong(REPLY_HEADER + 24, files);
    io.putLong(REPLY_HEADER + 32, freeFiles);
    io.putInt(REPLY_HEADER + 40, blockSize);
    io.putInt(REPLY_HEADER + 44, nameMax);
    io.putInt(REPLY_HEADER + 48, blockSize);
    send(0, 80, 0);
  }

  /** Ends a request that has no answer (forget, interrupt). */
  void dropped() {
    unique = 0;
    pool.give(this);
  }

  /** Sends a notification prepared in this buffer; see {@link KernelNotifier}. */
  int notifyKernel(int toFd, int code, int bytes) {
    io.putInt(0, REPLY_HEADER + bytes);
    io.putInt(4, code);
    io.putLong(8, 0);
    return Native.C.write(toFd, base, REPLY_HEADER + bytes) < 0 ? Native.errno() : 0;
  }

  private void clear(int bytes) {
    for (int i = REPLY_HEADER; i < REPLY_HEADER + bytes; i += 8) {
      io.putLong(i, 0);
    }
  }

  /** struct fuse_entry_out. */
  private void putEntry(Entry entry) {
    io.putLong(REPLY_HEADER, entry.node());
    io.putLong(REPLY_HEADER + 8, 0);
    io.putLong(REPLY_HEADER + 16, entry.entryValidNanos() / 1_000_000_000);
    io.putLong(REPLY_HEADER + 24, entry.attrValidNanos() / 1_000_000_000);
    io.putInt(REPLY_HEADER + 32, (int) (entry.entryValidNanos() % 1_000_000_000));
    io.putInt(REPLY_HEADER + 36, (int) (entry.attrValidNanos() % 1_000_000_000));
    putAttr(REPLY_HEADER + 40, entry.attr());
  }

  /** struct fuse_attr. */
  private void putAttr(int at, Attr attr) {
    io.putLong(at, attr.inode());
    io.putLong(at + 8, attr.size());
    io.putLong(at + 16, attr.blocks());
    io.putLong(at + 24, Math.floorDiv(attr.atimeNanos(), 1_000_000_000L));
    io.putLong(at + 32, Math.floorDiv(attr.mtimeNanos(), 1_000_000_000L));
    io.putLong(at + 40, Math.floorDiv(attr.ctimeNanos(), 1_000_000_000L));
    io.putInt(at + 48, (int) Math.floorMod(attr.atimeNanos(), 1_000_000_000L));
    io.putInt(at + 52, (int) Math.floorMod(attr.mtimeNanos(), 1_000_000_000L));
    io.putInt(at + 56, (int) Math.floorMod(attr.ctimeNanos(), 1_000_000_000L));
    io.putInt(at + 60, attr.mode());
    io.putInt(at + 64, attr.nlink());
    io.putInt(at + 68, attr.uid());
    io.putInt(at + 72, attr.gid());
    io.putInt(at + 76, 0);
    io.putInt(at + 80, 4096);
    io.putInt(at + 84, 0);
  }

  /** struct fuse_open_out. */
  private void putOpen(int at, long handle, int flags) {
    io.putLong(at, handle);
    io.putInt(at + 8, flags);
    io.putInt(at + 12, 0);
  }

  private void send(int start, int bodyBytes, int error) {
    long id = unique;
    if (id == 0) {
      throw new IllegalStateException(Opcode.name(opcode) + " was answered twice");
    }
    unique = 0;
    int size = REPLY_HEADER + bodyBytes;
    io.putInt(start, size);
    io.putInt(start + 4, error);
    io.putLong(start + 8, id);
    long written = Native.C.write(fd, base + start, size);
    if (written != size) {
      transport.replyFailed(opcode, error, Native.errno());
    }
    pool.give(this);
  }
}
