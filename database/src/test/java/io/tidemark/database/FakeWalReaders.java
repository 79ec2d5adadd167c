package io.tidemark.database;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Programs that read a database in WAL mode, with code of their own for what SQLite's wal.c does:
 * locks, read marks, recovery of the index, look-up of pages. They see only what the kernel has:
 * the files as they were when they were opened, and what the applier stored since.
 */
final class FakeWalReaders implements ReaderAccess {
  private static final int NOT_USED = -1;

  private final Database database;
  private MainFile main;
  private SideFile wal;
  private SideFile shm;
  private byte[] mainBytes = new byte[0];
  private byte[] walBytes = new byte[0];
  private ByteBuffer index = ByteBuffer.allocate(0);
  private final int[] shared = new int[8];
  private final boolean[] exclusive = new boolean[8];

  /** An idle BEGIN IMMEDIATE. */
  boolean writerIdle;

  int recoveries;
  int headerStores;

  /** Where the database stood for programs at each store, in the WAL or its index. */
  final List<Long> shownAtStores = new ArrayList<>();

  private final List<String> stores = new ArrayList<>();

  FakeWalReaders(Database database) {
    this.database = database;
  }

  void open() throws IOException {
    main = database.mainFile();
    database.opened(main);
    wal = database.createWal();
    database.opened(wal);
    shm = database.createShm();
    database.opened(shm);
    mainBytes = bytes(main.size(), (dst, at) -> database.read(main, dst, at));
    walBytes = bytes(wal.size(), wal::read);
  }

  void close() {
    if (main != null) {
      database.released(wal);
      database.released(shm);
      database.released(main);
      main = null;
    }
  }

  MainFile main() {
    return main;
  }

  private interface Reader {
    int read(ByteBuffer dst, long at) throws IOException;
  }

  private static byte[] bytes(long size, Reader reader) throws IOException {
    ByteBuffer all = ByteBuffer.allocate((int) size);
    reader.read(all, 0);
    return all.array();
  }

  private ByteBuffer shm() {
    return index.order(ByteOrder.nativeOrder());
  }

  // ---------------------------------------------------------------- readers

  /** One read transaction. */
  final class Snapshot {
    final int maxFrame;
    final int pages;
    final int pageSize;
    final int lock;

    /** Earlier frames were in the database file when this began. */
    final int minFrame = shm().getInt(96) + 1;

    Snapshot(int maxFrame, int pages, int pageSize, int lock) {
      this.maxFrame = maxFrame;
      this.pages = pages;
      this.pageSize = pageSize;
      this.lock = lock;
      shared[lock]++;
    }

    byte[] image() {
      byte[] image = new byte[pages * pageSize];
      for (int page = 1; page <= pages; page++) {
        int frame = lock == 3 ? 0 : find(page, maxFrame, minFrame);
        int at = (page - 1) * pageSize;
        if (frame > 0) {
          System.arraycopy(walBytes, 32 + (frame - 1) * (24 + pageSize) + 24, image, at, pageSize);
        } else {
          System.arraycopy(mainBytes, at, image, at, pageSize);
        }
      }
      return image;
    }

    void end() {
      shared[lock]--;
    }
  }

  /** Begins a read transaction, as walTryBeginRead. */
  Snapshot read() {
    if (shm().capacity() < 136 || !headerIsValid()) {
      recover();
    }
    int max = shm().getInt(16);
    int pages = shm().getInt(20);
    int pageSize = Short.toUnsignedInt(shm().getShort(14));
    if (max == 0 && pages == 0) {
      pageSize = SqliteSimulator.pageSize(mainBytes);
    }
    pages = pages == 0 ? mainBytes.length / pageSize : pages;
    if (shm().getInt(96) == max && !exclusive[3]) {
      return new Snapshot(max, pages, pageSize, 3);
    }
    int best = 0;
    int bestMark = 0;
    for (int i = 1; i < 5; i++) {
      int mark = shm().getInt(100 + 4 * i);
      if (mark != NOT_USED && mark <= max && mark >= bestMark) {
        best = i;
        bestMark = mark;
      }
    }
    if (best == 0 || bestMark < max) {
      for (int i = 1; i < 5; i++) {
        if (shared[3 + i] == 0 && !exclusive[3 + i]) {
          shm().putInt(100 + 4 * i, max);
          best = i;
          break;
        }
      }
    }
    assertThat(best).isPositive();
    return new Snapshot(max, pages, pageSize, 3 + best);
  }

  private boolean headerIsValid() {
    for (int i = 0; i < 48; i++) {
      if (index.get(i) != index.get(48 + i)) {
        return false;
      }
    }
    int a = 0;
    int b = 0;
    for (int i = 0; i < 40; i += 8) {
      a += shm().getInt(i) + b;
      b += shm().getInt(i + 4) + a;
    }
    return index.get(12) == 1 && a == shm().getInt(40) && b == shm().getInt(44);
  }

  private int find(int page, int max, int min) {
    for (int block = (max + 33) / 4096; block >= 0; block--) {
      int zero = block == 0 ? 0 : 4062 + (block - 1) * 4096;
      int numbers = block * 32768 + (block == 0 ? 136 : 0);
      int found = 0;
      for (int slot = page * 383 & 8191; ; slot = slot + 1 & 8191) {
        int i = Short.toUnsignedInt(shm().getShort(block * 32768 + 16384 + 2 * slot));
        if (i == 0) {
          break;
        }
        int frame = zero + i;
        if (frame <= max && frame >= min && shm().getInt(numbers + 4 * (i - 1)) == page) {
          found = Math.max(found, frame);
        }
      }
      if (found > 0) {
        return found;
      }
    }
    return 0;
  }

  /** walIndexRecover: reads the WAL from its beginning. */
  private void recover() {
    recoveries++;
    index = ByteBuffer.allocate(32768);
    ByteBuffer file = ByteBuffer.wrap(walBytes);
    int max = 0;
    int pages = 0;
    int[] sum = {0, 0};
    int[] last = {0, 0};
    int pageSize = 0;
    if (walBytes.length >= 32 && (file.getInt(0) & ~1) == 0x377f0682) {
      ByteOrder order = (file.getInt(0) & 1) == 1 ? ByteOrder.BIG_ENDIAN : ByteOrder.LITTLE_ENDIAN;
      pageSize = file.getInt(8);
      sum(sum, 0, 24, order);
      assertThat(sum).containsExactly(file.getInt(24), file.getInt(28));
      last = sum.clone();
      List<Integer> numbers = new ArrayList<>();
      for (int at = 32; at + 24 + pageSize <= walBytes.length; at += 24 + pageSize) {
        sum(sum, at, 8, order);
        sum(sum, at + 24, pageSize, order);
        if (file.getLong(at + 8) != file.getLong(16)
            || sum[0] != file.getInt(at + 16)
            || sum[1] != file.getInt(at + 20)) {
          break;
        }
        numbers.add(file.getInt(at));
        if (file.getInt(at + 4) != 0) {
          max = numbers.size();
          pages = file.getInt(at + 4);
          last = sum.clone();
        }
      }
      index = ByteBuffer.allocate(32768 * ((max + 33) / 4096 + 1));
      for (int frame = 1; frame <= max; frame++) {
        int block = (frame + 33) / 4096;
        int zero = block == 0 ? 0 : 4062 + (block - 1) * 4096;
        int page = numbers.get(frame - 1);
        shm().putInt(block * 32768 + (block == 0 ? 136 : 0) + 4 * (frame - zero - 1), page);
        int slot = page * 383 & 8191;
        while (shm().getShort(block * 32768 + 16384 + 2 * slot) != 0) {
          slot = slot + 1 & 8191;
        }
        shm().putShort(block * 32768 + 16384 + 2 * slot, (short) (frame - zero));
      }
      file.position(16);
    }
    shm().putInt(0, 3007000).put(12, (byte) 1);
    shm().put(13, (byte) (walBytes.length >= 32 ? file.getInt(0) & 1 : 0));
    shm().putShort(14, (short) pageSize).putInt(16, max).putInt(20, pages);
    shm().putInt(24, last[0]).putInt(28, last[1]);
    if (walBytes.length >= 32) {
      index.put(32, walBytes, 16, 8);
    }
    int a = 0;
    int b = 0;
    for (int i = 0; i < 40; i += 8) {
      a += shm().getInt(i) + b;
      b += shm().getInt(i + 4) + a;
    }
    shm().putInt(40, a).putInt(44, b);
    index.put(48, index.array(), 0, 48);
    shm().putInt(96, 0).putInt(100, 0).putInt(128, max);
    for (int i = 1; i < 5; i++) {
      shm().putInt(100 + 4 * i, i == 1 && max > 0 ? max : NOT_USED);
    }
  }

  private void sum(int[] sum, int from, int length, ByteOrder order) {
    ByteBuffer words = ByteBuffer.wrap(walBytes).order(order);
    for (int i = from; i < from + length; i += 8) {
      sum[0] += words.getInt(i) + sum[1];
      sum[1] += words.getInt(i + 4) + sum[0];
    }
  }

  // -------------------------------------------------------------- the port

  @Override
  public boolean tryExclusive(Database of) {
    return main == null;
  }

  @Override
  public boolean tryLockShm(Database of, int lock, boolean wantsExclusive) {
    assertThat(database.lock.isHeldByCurrentThread()).isFalse();
    if (shared[lock] > 0 || exclusive[lock] || (lock == 0 && writerIdle)) {
      return false;
    }
    exclusive[lock] = wantsExclusive;
    return true;
  }

  @Override
  public void unlockShm(Database of, int lock) {
    assertThat(exclusive[lock]).isTrue();
    exclusive[lock] = false;
  }

  boolean holdsNothing() {
    for (boolean held : exclusive) {
      if (held) {
        return false;
      }
    }
    return true;
  }

  @Override
  public boolean readShm(Database of, long offset, ByteBuffer dst) {
    if (offset + dst.remaining() > index.capacity()) {
      return false;
    }
    dst.put(index.array(), (int) offset, dst.remaining());
    return true;
  }

  @Override
  public void walChanged(Database of, SideFile file, long offset, ByteBuffer bytes) {
    assertThat(exclusive[0]).isTrue();
    shownAtStores.add(database.shownPosition().txid());
    walBytes = put(walBytes, offset, bytes);
  }

  @Override
  public void shmChanged(Database of, SideFile file, long offset, ByteBuffer bytes) {
    assertThat(exclusive[0]).isTrue();
    assertThat(database.lock.isHeldByCurrentThread()).isFalse();
    if (offset == 0 && bytes.remaining() == 48) {
      headerStores++;
      assertThat(stores.get(stores.size() - 1)).as("copy 2 comes first").isEqualTo("48+48");
    }
    stores.add(offset + "+" + bytes.remaining());
    shownAtStores.add(database.shownPosition().txid());
    index = ByteBuffer.wrap(put(index.array(), offset, bytes));
  }

  @Override
  public void bytesChanged(Database of, MainFile file, long offset, ByteBuffer bytes) {
    if (file == main) {
      assertThat(exclusive[3]).as("READ0").isTrue();
      mainBytes = put(mainBytes, offset, bytes);
    }
  }

  @Override
  public void sizeChanged(Database of, MainFile file) {
    if (file == main) {
      mainBytes = Arrays.copyOf(mainBytes, (int) file.size());
    }
  }

  private static byte[] put(byte[] bytes, long offset, ByteBuffer src) {
    int end = (int) offset + src.remaining();
    byte[] grown = end > bytes.length ? Arrays.copyOf(bytes, end) : bytes;
    src.get(grown, (int) offset, src.remaining());
    return grown;
  }
}
