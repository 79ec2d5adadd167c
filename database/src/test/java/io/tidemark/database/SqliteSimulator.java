package io.tidemark.database;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.TreeMap;

/**
 * Makes the calls that SQLite makes, in its order, on one database. Contents are random pages; page
 * 1 begins with a header that is valid and says how many pages there are.
 */
public final class SqliteSimulator {
  private static final long JOURNAL_MAGIC = 0xd9d505f920a163d7L;

  /** How a rollback journal is finalised. */
  public enum Finalise {
    UNLINK,
    TRUNCATE,
    ZERO_HEADER
  }

  private final Store store;
  private final String name;
  private final Random random;
  public final Database db;
  private MainFile main;

  // the WAL as its writers see it
  private SideFile wal;
  private boolean bigEndianSums;
  private int walPageSize;
  private int salt1;
  private int salt2;
  private int sum1;
  private int sum2;
  private final List<byte[]> framePages = new ArrayList<>();
  private final List<Integer> frameNumbers = new ArrayList<>();
  private final List<Integer> frameCommits = new ArrayList<>();
  private int backfilled;
  private boolean restart = true;

  public SqliteSimulator(Store store, String name, Random random) throws IOException {
    this.store = store;
    this.name = name;
    this.random = random;
    this.db = store.getOrCreate(name);
  }

  public String name() {
    return name;
  }

  public MainFile main() throws IOException {
    if (main == null) {
      main = db.create();
      db.opened(main);
    }
    return main;
  }

  public SideFile wal() {
    return wal;
  }

  public int frames() {
    return framePages.size();
  }

  // ----------------------------------------------------------------- images

  /** A database of random pages. */
  public static byte[] image(Random random, int pageSize, int pages, boolean wal) {
    byte[] image = new byte[pageSize * pages];
    random.nextBytes(image);
    stamp(image, pageSize, 1, wal);
    return image;
  }

  /** Writes the header fields that SQLite and Tidemark look at. */
  public static void stamp(byte[] image, int pageSize, int counter, boolean wal) {
    ByteBuffer header = ByteBuffer.wrap(image);
    header.put(0, "SQLite format 3\0".getBytes(StandardCharsets.US_ASCII));
    header.putShort(16, (short) (pageSize == 65536 ? 1 : pageSize));
    header.put(18, (byte) (wal ? 2 : 1)).put(19, (byte) (wal ? 2 : 1));
    header.putInt(24, counter).putInt(92, counter);
    header.putInt(28, image.length / pageSize);
  }

  /** The image after a transaction that changes some pages and makes it {@code pages} long. */
  public static byte[] next(
      Random random, byte[] before, int pageSize, int pages, boolean wal, int changes) {
    int old = before.length / pageSize;
    byte[] image = Arrays.copyOf(before, pages * pageSize);
    byte[] page = new byte[pageSize];
    for (int i = old; i < pages; i++) {
      random.nextBytes(page);
      System.arraycopy(page, 0, image, i * pageSize, pageSize);
    }
    for (int i = 0; i < changes; i++) {
      random.nextBytes(page);
      System.arraycopy(page, 0, image, random.nextInt(pages) * pageSize, pageSize);
    }
    int counter = before.length == 0 ? 1 : ByteBuffer.wrap(before).getInt(24) + 1;
    stamp(image, pageSize, counter, wal);
    return image;
  }

  public static int pageSize(byte[] image) {
    int stored = Short.toUnsignedInt(ByteBuffer.wrap(image).getShort(16));
    return stored == 1 ? 65536 : stored;
  }

  private static ByteBuffer page(byte[] image, int pageSize, int index) {
    return ByteBuffer.wrap(image, index * pageSize, pageSize).slice();
  }

  private static boolean samePage(byte[] a, byte[] b, int pageSize, int index) {
    int from = index * pageSize;
    int to = from + pageSize;
    return to <= a.length && to <= b.length && Arrays.equals(a, from, to, b, from, to);
  }

  // ------------------------------------------------------- rollback journal

  /** Everything of a rollback-mode transaction but the finalising of its journal. */
  public void writeUnderJournal(byte[] before, byte[] after, boolean sync) throws IOException {
    SideFile journal = db.createJournal();
    int pageSize = pageSize(after);
    writeJournalHeader(journal, 0, sync ? 0 : JOURNAL_MAGIC, before.length / pageSize, pageSize);
    long at = 512;
    int pages = after.length / pageSize;
    boolean segmented = random.nextInt(4) == 0;
    boolean active = !sync;
    for (int i = 0; i < Math.max(pages, before.length / pageSize); i++) {
      if ((i + 1) * pageSize <= before.length && !samePage(before, after, pageSize, i)) {
        ByteBuffer record = ByteBuffer.allocate(8 + pageSize);
        record.putInt(i + 1).put(before, i * pageSize, pageSize).putInt(random.nextInt());
        db.writeJournal(journal, record.flip(), at);
        at += record.limit();
        if (segmented && active) {
          at = (at + 511) / 512 * 512;
          writeJournalHeader(journal, at, JOURNAL_MAGIC, before.length / pageSize, pageSize);
          at += 512;
        }
      }
      if (segmented && i == pages / 2 && !active) {
        activate(journal);
        active = true;
        writePages(before, after, 0, Math.min(i, pages));
      }
    }
    if (sync) {
      db.syncJournal(journal);
      activate(journal);
      db.syncJournal(journal);
    }
    writePages(before, after, 0, pages);
    if (main().size() > after.length) {
      db.truncate(main(), after.length);
    }
    if (sync) {
      db.sync(main());
    }
  }

  private void activate(SideFile journal) throws IOException {
    db.writeJournal(journal, ByteBuffer.allocate(12).putLong(JOURNAL_MAGIC).putInt(1).flip(), 0);
  }

  private void writeJournalHeader(SideFile journal, long at, long magic, int pages, int pageSize)
      throws IOException {
    ByteBuffer header = ByteBuffer.allocate(512);
    header.putLong(magic).putInt(0).putInt(random.nextInt()).putInt(pages).putInt(512);
    header.putInt(pageSize);
    db.writeJournal(journal, header.clear(), at);
  }

  /** Writes the pages that differ; some of them in several pieces or twice. */
  public void writePages(byte[] before, byte[] after, int from, int to) throws IOException {
    int pageSize = pageSize(after);
    for (int i = from; i < to; i++) {
      if (!samePage(before, after, pageSize, i)) {
        db.write(main(), page(after, pageSize, i), (long) i * pageSize);
      }
    }
  }

  public void finalise(Finalise how) throws IOException {
    SideFile journal = db.journal();
    switch (how) {
      case UNLINK -> db.unlinkJournal();
      case TRUNCATE -> db.truncateJournal(journal, 0);
      case ZERO_HEADER -> db.writeJournal(journal, ByteBuffer.allocate(28), 0);
    }
  }

  public void commitJournaled(byte[] before, byte[] after, Finalise how, boolean sync)
      throws IOException {
    writeUnderJournal(before, after, sync);
    finalise(how);
  }

  /** What SQLite does after a refused commit, and for ROLLBACK: old pages back, then finalise. */
  public void rollBack(byte[] before, byte[] after, Finalise how) throws IOException {
    if (before.length > 0) {
      writePages(after, before, 0, before.length / pageSize(before));
    }
    db.truncate(main(), before.length);
    db.sync(main());
    finalise(how);
  }

  /** A transaction with journal_mode MEMORY or OFF. */
  public void commitUnjournaled(byte[] before, byte[] after, boolean sync) throws IOException {
    writePages(before, after, 0, after.length / pageSize(after));
    if (main().size() > after.length) {
      db.truncate(main(), after.length);
    }
    if (sync) {
      db.sync(main());
    } else {
      db.commitIfUnlocked(db.changes());
    }
  }

  /** Adds the end of a journal that names a super-journal. */
  public void nameSuperJournal(String path) throws IOException {
    SideFile journal = db.journal();
    byte[] bytes = path.getBytes(StandardCharsets.UTF_8);
    int sum = 0;
    for (byte b : bytes) {
      sum += b;
    }
    ByteBuffer end = ByteBuffer.allocate(20 + bytes.length);
    end.putInt(0x40000000).put(bytes).putInt(bytes.length).putInt(sum).putLong(JOURNAL_MAGIC);
    db.writeJournal(journal, end.flip(), journal.size());
  }

  // -------------------------------------------------------------------- WAL

  /** One frame as it will be written. */
  public record Frame(int pgno, int commit, byte[] page) {}

  /** The frames of a transaction. */
  public List<Frame> framesOf(byte[] before, byte[] after) {
    int pageSize = pageSize(after);
    List<Frame> frames = new ArrayList<>();
    for (int i = 0; i < after.length / pageSize; i++) {
      if (!samePage(before, after, pageSize, i)) {
        byte[] page = Arrays.copyOfRange(after, i * pageSize, (i + 1) * pageSize);
        frames.add(new Frame(i + 1, 0, page));
      }
    }
    Frame last = frames.remove(frames.size() - 1);
    frames.add(new Frame(last.pgno, after.length / pageSize, last.page));
    return frames;
  }

  /** Opens the WAL, and starts it anew if it is new or everything in it is checkpointed. */
  public void beginWal(int pageSize) throws IOException {
    if (wal == null) {
      wal = db.createWal();
      restart = true;
    }
    boolean empty = framePages.isEmpty();
    if (restart || (!empty && backfilled == framePages.size())) {
      restartWal(pageSize);
    }
  }

  public void restartWal(int pageSize) throws IOException {
    framePages.clear();
    frameNumbers.clear();
    frameCommits.clear();
    backfilled = 0;
    restart = false;
    walPageSize = pageSize;
    bigEndianSums = random.nextBoolean();
    salt1++;
    salt2 = random.nextInt();
    db.writeWal(wal, walHeader(), 0);
  }

  /** The header of the WAL; sets the running checksum to its start. */
  public ByteBuffer walHeader() {
    ByteBuffer header = ByteBuffer.allocate(32);
    header.putInt(bigEndianSums ? 0x377f0683 : 0x377f0682).putInt(3007000).putInt(walPageSize);
    header.putInt(0).putInt(salt1).putInt(salt2);
    sum1 = 0;
    sum2 = 0;
    sum(header.array(), 0, 24);
    header.putInt(sum1).putInt(sum2);
    return header.flip();
  }

  private void sum(byte[] bytes, int from, int length) {
    ByteBuffer words =
        ByteBuffer.wrap(bytes)
            .order(bigEndianSums ? ByteOrder.BIG_ENDIAN : ByteOrder.LITTLE_ENDIAN);
    for (int i = from; i < from + length; i += 8) {
      sum1 += words.getInt(i) + sum2;
      sum2 += words.getInt(i + 4) + sum1;
    }
  }

  /** Encodes a frame and moves the running checksum on. */
  public ByteBuffer encode(Frame frame) {
    ByteBuffer bytes = ByteBuffer.allocate(24 + frame.page.length);
    bytes.putInt(frame.pgno).putInt(frame.commit).putInt(salt1).putInt(salt2);
    sum(bytes.array(), 0, 8);
    sum(frame.page, 0, frame.page.length);
    bytes.putInt(sum1).putInt(sum2).put(frame.page);
    return bytes.flip();
  }

  public long frameOffset(int frame) {
    return 32 + (long) frame * (24 + walPageSize);
  }

  private record Sums(int first, int second) {}

  /** The bytes of a transaction as one run of frames, not written yet. */
  public ByteBuffer encodeAll(List<Frame> frames) {
    int from1 = sum1;
    int from2 = sum2;
    ByteBuffer all = ByteBuffer.allocate(frames.size() * (24 + walPageSize));
    for (Frame frame : frames) {
      all.put(encode(frame));
    }
    sum1 = from1;
    sum2 = from2;
    return all.flip();
  }

  /** The transaction was written and accepted. */
  public void accept(List<Frame> frames) {
    for (Frame frame : frames) {
      encode(frame);
      framePages.add(frame.page);
      frameNumbers.add(frame.pgno);
      frameCommits.add(frame.commit);
    }
  }

  /** Writes frames as SQLite does: the header of a frame, then its page. */
  public void writeWalPlain(List<Frame> frames) throws IOException {
    Sums start = new Sums(sum1, sum2);
    int number = framePages.size();
    try {
      for (Frame frame : frames) {
        ByteBuffer bytes = encode(frame);
        long at = frameOffset(number++);
        if (random.nextBoolean()) {
          db.writeWal(wal, bytes.slice(0, 24), at);
          db.writeWal(wal, bytes.slice(24, bytes.limit() - 24), at + 24);
        } else {
          db.writeWal(wal, bytes, at);
        }
      }
    } finally {
      sum1 = start.first;
      sum2 = start.second;
    }
    accept(frames);
  }

  /**
   * A transaction that was larger than SQLite's cache: an early frame is rewritten with newer bytes
   * of its page, later frames are written without checksums, and at last all headers from there on
   * are put right.
   */
  public void writeWalSpilled(List<Frame> frames) throws IOException {
    int first = framePages.size();
    byte[] old = new byte[walPageSize];
    random.nextBytes(old);
    Sums start = new Sums(sum1, sum2);
    try {
      int rewritten = random.nextInt(frames.size());
      for (int i = 0; i < frames.size(); i++) {
        Frame frame = frames.get(i);
        ByteBuffer bytes =
            i == rewritten ? encode(new Frame(frame.pgno, 0, old)) : encode(frame).duplicate();
        if (i > rewritten) {
          bytes.putLong(8, 0).putLong(16, 0);
        }
        db.writeWal(wal, bytes, frameOffset(first + i));
        if (i == rewritten) {
          db.writeWal(wal, ByteBuffer.wrap(frame.page), frameOffset(first + i) + 24);
        }
      }
      sum1 = start.first;
      sum2 = start.second;
      for (int i = 0; i < frames.size(); i++) {
        ByteBuffer bytes = encode(frames.get(i));
        if (i >= rewritten) {
          db.writeWal(wal, bytes.slice(0, 24), frameOffset(first + i));
        }
      }
    } finally {
      sum1 = start.first;
      sum2 = start.second;
    }
    accept(frames);
  }

  public void commitWal(byte[] before, byte[] after) throws IOException {
    beginWal(pageSize(after));
    List<Frame> frames = framesOf(before, after);
    switch (random.nextInt(3)) {
      case 0 -> {
        db.writeWal(wal, encodeAll(frames), frameOffset(framePages.size()));
        accept(frames);
      }
      case 1 -> writeWalPlain(frames);
      default -> writeWalSpilled(frames);
    }
    if (random.nextInt(4) == 0) {
      pad();
    }
  }

  /** With psow=0 SQLite repeats the commit frame up to the end of a sector. */
  public void pad() throws IOException {
    int last = framePages.size() - 1;
    Frame copy =
        new Frame(frameNumbers.get(last), frameCommits.get(last), framePages.get(last).clone());
    writeWalPlain(List.of(copy, copy));
  }

  public void syncWal() throws IOException {
    db.awaitDurable(db.walSyncTarget());
  }

  /** Copies the newest page versions among the first {@code frames} frames into the database. */
  public void checkpoint(int frames) throws IOException {
    TreeMap<Integer, byte[]> pages = new TreeMap<>();
    int size = 0;
    for (int i = 0; i < frames; i++) {
      pages.put(frameNumbers.get(i), framePages.get(i));
      if (frameCommits.get(i) != 0) {
        size = frameCommits.get(i);
      }
    }
    for (var entry : pages.entrySet()) {
      if (entry.getKey() <= size) {
        db.write(main(), ByteBuffer.wrap(entry.getValue()), (entry.getKey() - 1L) * walPageSize);
      }
    }
    if (frames == framePages.size() && main().size() > (long) size * walPageSize) {
      db.truncate(main(), (long) size * walPageSize);
    }
    db.sync(main());
    backfilled = frames;
  }

  /** Ends of transactions, in frames, where a partial checkpoint may stop. */
  public List<Integer> commitEnds() {
    List<Integer> ends = new ArrayList<>();
    for (int i = 0; i < frameCommits.size(); i++) {
      if (frameCommits.get(i) != 0) {
        ends.add(i + 1);
      }
    }
    return ends;
  }

  /** The last connection closes: checkpoint, then the WAL goes. */
  public void leaveWal() throws IOException {
    if (wal != null) {
      if (!framePages.isEmpty()) {
        checkpoint(framePages.size());
      }
      db.unlinkWal();
      wal = null;
      framePages.clear();
      frameNumbers.clear();
      frameCommits.clear();
      restart = true;
    }
  }

  /** What a program sees: newest frames over the database file. */
  public byte[] visible() throws IOException {
    MainFile file = db.mainFile();
    if (file == null) {
      return new byte[0];
    }
    int size = -1;
    TreeMap<Integer, byte[]> pages = new TreeMap<>();
    for (int i = 0; i < framePages.size(); i++) {
      pages.put(frameNumbers.get(i), framePages.get(i));
      size = frameCommits.get(i) != 0 ? frameCommits.get(i) : size;
    }
    long bytes = size < 0 ? file.size() : (long) size * walPageSize;
    ByteBuffer image = ByteBuffer.allocate((int) bytes);
    db.read(file, image, 0);
    for (var entry : pages.entrySet()) {
      int at = (entry.getKey() - 1) * walPageSize;
      if (at < bytes) {
        System.arraycopy(entry.getValue(), 0, image.array(), at, walPageSize);
      }
    }
    return image.array();
  }

  /** The store this drives; a new simulator is needed after it was opened again. */
  public Store store() {
    return store;
  }
}
