package io.tidemark.database;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Predicate;

/**
 * A real directory behind a disk that misbehaves on demand: single calls fail, the power goes at a
 * given call, and what was never synced is lost.
 *
 * <p>The real files always hold what a running system would see. Beside them this keeps, for each
 * 512-byte sector written since the last good sync, the bytes that are certainly on the medium, and
 * for each name changed since the last sync of its directory, what it was. {@link #powerLoss} takes
 * a random part of these back. Nothing is ever synced for real, which makes tests fast.
 *
 * <p>A failed sync behaves as on Linux: the sectors concerned count as clean from then on, so that
 * a later good sync of the same file does not make them durable.
 *
 * <p>Files below {@code volatile} mean nothing after a crash and are not followed, but calls on
 * them can fail like others.
 */
public final class FaultyDisk implements Disk {
  public static final String EIO = "Input/output error";
  public static final String ENOSPC = "No space left on device";

  /** Kinds of calls that can fail. */
  public enum Call {
    OPEN,
    READ,
    WRITE,
    SYNC,
    TRUNCATE,
    RENAME,
    DELETE,
    SYNC_DIRECTORY,
    CREATE_DIRECTORIES
  }

  /** The power went at the call that a test chose. An error, so that nothing handles it. */
  public static final class PowerCut extends Error {
    private static final long serialVersionUID = 1;

    PowerCut(String at) {
      super("power cut at " + at);
    }
  }

  /** Sees each write before it is done. */
  public interface WriteWatcher {
    void beforeWrite(Path path, ByteBuffer src, long offset) throws IOException;
  }

  private static final int SECTOR = 512;
  private static final byte[] ZEROS = new byte[SECTOR];

  /** A file on the medium, whatever its name is. */
  private static final class Node {
    Path real;

    /** Durable bytes of sectors that differ, or may differ, from what the real file has. */
    final TreeMap<Integer, byte[]> undo = new TreeMap<>();

    /** Sectors that the next good sync makes durable. */
    final BitSet dirty = new BitSet();

    long durableSize;
    boolean sizeDirty;
  }

  /** A name whose directory was not synced since it changed. */
  private record NameChange(Node before, boolean directory, Path partner) {}

  private static final class Fault {
    final Call call;
    final Predicate<Path> where;
    final String text;
    final boolean lasting;
    final boolean afterwards;
    int countdown;
    int hits;

    Fault(
        Call call,
        Predicate<Path> where,
        int nth,
        String text,
        boolean lasting,
        boolean afterwards) {
      this.call = call;
      this.where = where;
      this.countdown = nth;
      this.text = text;
      this.lasting = lasting;
      this.afterwards = afterwards;
    }
  }

  private final Path root;
  private final Path graveyard;
  private final Map<Path, Node> nodes = new HashMap<>();
  private final LinkedHashMap<Path, NameChange> names = new LinkedHashMap<>();

  /** Directories that have another name since the last sync of theirs, from new to old. */
  private final LinkedHashMap<Path, Path> movedDirectories = new LinkedHashMap<>();

  private final List<Fault> faults = new ArrayList<>();
  private final Map<Call, Integer> counts = new HashMap<>();
  private final List<String> trace = new ArrayList<>();
  private final Thread tester = Thread.currentThread();
  private boolean opening;
  private int generation;
  private boolean dead;
  private int graves;
  private int mutations;
  private int cutAt = -1;
  private WriteWatcher watcher;
  private Runnable afterFailedSync = () -> {};

  /**
   * @param root data directory; files outside it are passed through
   * @param graveyard where deleted files stay until their deletion is durable
   */
  public FaultyDisk(Path root, Path graveyard) throws IOException {
    this.root = root;
    this.graveyard = graveyard;
    Files.createDirectories(graveyard);
  }

  // ---------------------------------------------------------------- faults

  /** The {@code nth} such call from now on fails, once; the ones after it work. */
  public synchronized void failOnce(Call call, Predicate<Path> where, int nth, String text) {
    faults.add(new Fault(call, where, nth, text, false, false));
  }

  /** Like {@link #failOnce}, but the call does its work before it reports the failure. */
  public synchronized void failAfterwards(Call call, Predicate<Path> where, int nth, String text) {
    faults.add(new Fault(call, where, nth, text, false, true));
  }

  /** The {@code nth} such call from now on and all after it fail, until {@link #heal}. */
  public synchronized void failFrom(Call call, Predicate<Path> where, int nth, String text) {
    faults.add(new Fault(call, where, nth, text, true, false));
  }

  /** Every call works again. */
  public synchronized void heal() {
    faults.clear();
  }

  /** How many calls were made to fail by the faults that are still set. */
  public synchronized int faultsHit() {
    return faults.stream().mapToInt(fault -> fault.hits).sum();
  }

  /** Runs on the failing thread, without the disk's lock, after a sync was made to fail. */
  public synchronized void afterFailedSync(Runnable action) {
    afterFailedSync = action;
  }

  public synchronized void watch(WriteWatcher newWatcher) {
    watcher = newWatcher;
  }

  /** Calls of a kind so far, whether they failed or not. */
  public synchronized int count(Call call) {
    return counts.getOrDefault(call, 0);
  }

  /** Changing calls below the data directory so far. */
  public synchronized int mutations() {
    return mutations;
  }

  /** The power goes just before the {@code n}-th changing call from now on, counted from 0. */
  public synchronized void cutPowerAt(int n) {
    cutAt = mutations + n;
    trace.clear();
  }

  public synchronized boolean isDead() {
    return dead;
  }

  /** The changing calls since {@link #cutPowerAt}, for messages. */
  public synchronized List<String> trace() {
    return List.copyOf(trace);
  }

  /** From now on every call fails; what was written stays, as when a process is killed. */
  public synchronized void die() {
    dead = true;
    generation++;
  }

  /** The disk works for whoever opens files from now on. */
  public synchronized void revive() {
    dead = false;
    cutAt = -1;
    faults.clear();
    afterFailedSync = () -> {};
    watcher = null;
  }

  /** While a store is being opened an error would keep its lock for ever. */
  public synchronized void opening(boolean now) {
    opening = now;
  }

  private boolean follows(Path path) {
    return path.startsWith(root)
        && !path.startsWith(root.resolve("volatile"))
        && !path.equals(root.resolve("volatile"));
  }

  /**
   * @return a failure to report after the call did its work, or null
   */
  private IOException enter(Call call, Path path) throws IOException {
    if (dead) {
      throw new IOException("the power is off");
    }
    counts.merge(call, 1, Integer::sum);
    if (call != Call.READ && follows(path)) {
      if (mutations == cutAt) {
        die();
        if (Thread.currentThread() != tester || opening) {
          throw new IOException("the power is off");
        }
        throw new PowerCut(call + " " + root.relativize(path));
      }
      mutations++;
      if (cutAt >= 0) {
        trace.add(call + " " + root.relativize(path));
      }
    }
    for (Fault fault : faults) {
      if (fault.call == call && fault.where.test(path)) {
        fault.countdown--;
        if (fault.countdown == 0 || (fault.countdown < 0 && fault.lasting)) {
          fault.hits++;
          IOException failure = new IOException(fault.text);
          if (fault.afterwards) {
            return failure;
          }
          throw failure;
        }
      }
    }
    return null;
  }

  private static void report(IOException failure) throws IOException {
    if (failure != null) {
      throw failure;
    }
  }

  // ------------------------------------------------------------ power loss

  /**
   * Takes back a random part of what was not synced. Everything must be closed or {@link #die dead}
   * before; the disk works again afterwards.
   */
  public synchronized void powerLoss(Random random) throws IOException {
    // Now and then all or nothing, because the mixture alone would rarely give either.
    int mood = random.nextInt(5);
    double keep = mood == 0 ? 0 : mood == 1 ? 1 : random.nextDouble();
    for (var move : new LinkedHashMap<>(movedDirectories).entrySet()) {
      boolean stays = random.nextDouble() < keep;
      if (!stays && Files.exists(move.getKey())) {
        moveDirectory(move.getKey(), move.getValue());
      }
    }
    movedDirectories.clear();
    Set<Path> done = new HashSet<>();
    List<Path> changed = new ArrayList<>(names.keySet());
    Collections.reverse(changed);
    for (Path path : changed) {
      NameChange change = names.get(path);
      if (!done.add(path)) {
        continue;
      }
      boolean stays = random.nextDouble() < keep;
      if (change.partner != null && names.containsKey(change.partner)) {
        done.add(change.partner);
        if (!stays) {
          Path to = nodes.containsKey(path) ? path : change.partner;
          Path from = to.equals(path) ? change.partner : path;
          Node moved = nodes.remove(to);
          restore(to, names.get(to).before);
          nodes.put(from, moved);
        }
        continue;
      }
      if (!stays) {
        if (change.directory) {
          forgetBelow(path);
        } else {
          nodes.remove(path);
          restore(path, change.before);
        }
      }
    }
    Map<Path, byte[]> contents = new HashMap<>();
    for (var entry : nodes.entrySet()) {
      Node node = entry.getValue();
      if (Files.exists(node.real)) {
        contents.put(entry.getKey(), survivingContent(node, random, keep));
      }
    }
    names.clear();
    nodes.clear();
    writeBack(contents);
    touched.clear();
    revive();
  }

  private void restore(Path path, Node before) {
    if (before != null) {
      nodes.put(path, before);
    }
  }

  private void forgetBelow(Path directory) throws IOException {
    nodes.keySet().removeIf(path -> path.startsWith(directory));
    FileTree.delete(directory);
  }

  private static byte[] survivingContent(Node node, Random random, double keep) throws IOException {
    byte[] now = Files.readAllBytes(node.real);
    boolean sizeStays = !node.sizeDirty || random.nextDouble() < keep;
    long size = sizeStays ? now.length : node.durableSize;
    byte[] content = java.util.Arrays.copyOf(now, (int) size);
    for (var entry : node.undo.entrySet()) {
      int at = entry.getKey() * SECTOR;
      if (at < size && random.nextDouble() >= keep) {
        System.arraycopy(entry.getValue(), 0, content, at, (int) Math.min(SECTOR, size - at));
      }
    }
    return content;
  }

  private void writeBack(Map<Path, byte[]> contents) throws IOException {
    // Files that this disk never touched stay; all others are what survived, or gone.
    try (var walk = Files.walk(root)) {
      for (Path path : (Iterable<Path>) walk.filter(Files::isRegularFile)::iterator) {
        if (touched.contains(path) && !contents.containsKey(path)) {
          Files.delete(path);
        }
      }
    }
    for (var entry : contents.entrySet()) {
      if (Files.isDirectory(entry.getKey().getParent())) {
        Files.write(entry.getKey(), entry.getValue());
      }
    }
  }

  private final Set<Path> touched = new HashSet<>();

  /** Whether bytes of a file would certainly be there after a power loss, name included. */
  public synchronized boolean isDurable(Path path, long from, long to) throws IOException {
    for (Path up = path; up != null && up.startsWith(root); up = up.getParent()) {
      if (movedDirectories.containsKey(up)) {
        return false;
      }
      NameChange change = names.get(up);
      if (change != null && (up.equals(path) || change.directory)) {
        return false;
      }
    }
    Node node = nodes.get(path);
    if (node == null) {
      return true;
    }
    int first = (int) (from / SECTOR);
    int last = (int) ((to - 1) / SECTOR);
    if (node.sizeDirty && to > node.durableSize) {
      return false;
    }
    try (FileChannel channel = FileChannel.open(node.real, StandardOpenOption.READ)) {
      for (var entry : node.undo.subMap(first, true, last, true).entrySet()) {
        // Something else may have been written into the same sector.
        long at = (long) entry.getKey() * SECTOR;
        ByteBuffer now = ByteBuffer.allocate(SECTOR);
        readFully(channel, now, at);
        int start = (int) Math.max(0, from - at);
        int end = (int) Math.min(SECTOR, to - at);
        if (!java.util.Arrays.equals(now.array(), start, end, entry.getValue(), start, end)) {
          return false;
        }
      }
    }
    return true;
  }

  // ------------------------------------------------------------------ names

  private Node node(Path path) throws IOException {
    if (!follows(path)) {
      return null;
    }
    Node node = nodes.get(path);
    if (node == null) {
      node = new Node();
      node.real = path;
      touched.add(path);
      if (Files.exists(path)) {
        node.durableSize = Files.size(path);
        if (path.startsWith(root.resolve("import"))) {
          // Put there by others; nobody said that they synced it.
          node.durableSize = 0;
          node.sizeDirty = true;
          for (int sector = 0; (long) sector * SECTOR < Files.size(path); sector++) {
            node.undo.put(sector, ZEROS);
            node.dirty.set(sector);
          }
          names.put(path, new NameChange(null, false, null));
        }
      } else {
        noteName(path, null, false, null);
      }
      nodes.put(path, node);
    }
    return node;
  }

  private void noteName(Path path, Node before, boolean directory, Path partner) {
    NameChange earlier = names.get(path);
    if (earlier != null) {
      if (earlier.partner != null) {
        names.remove(earlier.partner);
      }
      names.put(path, new NameChange(earlier.before, earlier.directory, partner));
    } else {
      names.put(path, new NameChange(before, directory, partner));
    }
  }

  @Override
  public synchronized DiskFile open(Path path) throws IOException {
    IOException failure = enter(Call.OPEN, path);
    Node node = node(path);
    FileChannel channel =
        FileChannel.open(
            path, StandardOpenOption.READ, StandardOpenOption.WRITE, StandardOpenOption.CREATE);
    if (failure != null) {
      channel.close();
      throw failure;
    }
    return new Handle(path, node, channel);
  }

  @Override
  public synchronized DiskFile openReadOnly(Path path) throws IOException {
    if (dead) {
      throw new IOException("the power is off");
    }
    for (Fault fault : faults) {
      if (fault.call == Call.OPEN && fault.where.test(path)) {
        report(enter(Call.OPEN, path));
        break;
      }
    }
    return new Handle(path, null, FileChannel.open(path, StandardOpenOption.READ));
  }

  @Override
  public synchronized boolean exists(Path path) {
    return !dead && Files.exists(path);
  }

  @Override
  public synchronized void createDirectories(Path directory) throws IOException {
    if (Files.isDirectory(directory)) {
      if (dead) {
        throw new IOException("the power is off");
      }
      return;
    }
    IOException failure = enter(Call.CREATE_DIRECTORIES, directory);
    List<Path> missing = new ArrayList<>();
    for (Path up = directory; !Files.exists(up); up = up.getParent()) {
      missing.add(up);
    }
    Collections.reverse(missing);
    for (Path path : missing) {
      Files.createDirectory(path);
      if (follows(path)) {
        noteName(path, null, true, null);
      }
    }
    report(failure);
  }

  @Override
  public synchronized void rename(Path from, Path to) throws IOException {
    IOException failure = enter(Call.RENAME, to);
    if (Files.isDirectory(from)) {
      moveDirectory(from, to);
      movedDirectories.put(to, from);
      report(failure);
      return;
    }
    Node moved = node(from);
    Node replaced = Files.exists(to) ? node(to) : null;
    if (replaced != null) {
      bury(replaced);
    }
    Files.move(from, to, StandardCopyOption.ATOMIC_MOVE);
    nodes.remove(from);
    touched.add(from);
    touched.add(to);
    moved.real = to;
    nodes.put(to, moved);
    NameChange source = names.get(from);
    boolean sourceWasNew = source != null && source.before == null;
    noteName(to, replaced, false, sourceWasNew ? null : from);
    if (sourceWasNew) {
      // The old name was never durable: if the new one is lost, the file is.
      names.put(from, new NameChange(null, false, null));
    } else {
      noteName(from, moved, false, to);
    }
    report(failure);
  }

  private void moveDirectory(Path from, Path to) throws IOException {
    Files.move(from, to, StandardCopyOption.ATOMIC_MOVE);
    moveKeys(nodes, from, to);
    nodes.forEach(
        (path, node) -> {
          if (node.real.startsWith(from)) {
            node.real = to.resolve(from.relativize(node.real));
          }
        });
    moveKeys(names, from, to);
    for (Path path : List.copyOf(touched)) {
      if (path.startsWith(from)) {
        touched.add(to.resolve(from.relativize(path)));
      }
    }
  }

  private static <V> void moveKeys(Map<Path, V> map, Path from, Path to) {
    for (Path path : List.copyOf(map.keySet())) {
      if (path.startsWith(from)) {
        map.put(to.resolve(from.relativize(path)), map.remove(path));
      }
    }
  }

  private void bury(Node node) throws IOException {
    Path grave = graveyard.resolve(Integer.toString(graves++));
    Files.move(node.real, grave);
    node.real = grave;
  }

  @Override
  public synchronized void delete(Path path) throws IOException {
    if (!Files.exists(path)) {
      if (dead) {
        throw new IOException("the power is off");
      }
      return;
    }
    IOException failure = enter(Call.DELETE, path);
    if (!follows(path) || Files.isDirectory(path)) {
      Files.delete(path);
    } else {
      Node node = node(path);
      bury(node);
      nodes.remove(path);
      touched.add(path);
      noteName(path, node, false, null);
    }
    report(failure);
  }

  @Override
  public synchronized List<String> list(Path directory) throws IOException {
    if (dead) {
      throw new IOException("the power is off");
    }
    return new FileDisk().list(directory);
  }

  @Override
  public synchronized void syncDirectory(Path directory) throws IOException {
    IOException failure = enter(Call.SYNC_DIRECTORY, directory);
    if (!Files.isDirectory(directory)) {
      throw new java.nio.file.NoSuchFileException(directory.toString());
    }
    List<Path> durable = new ArrayList<>();
    names.forEach(
        (path, change) -> {
          if (path.getParent().equals(directory)) {
            durable.add(path);
            if (change.partner != null) {
              durable.add(change.partner);
            }
          }
        });
    names.keySet().removeAll(durable);
    movedDirectories.keySet().removeIf(path -> path.getParent().equals(directory));
    report(failure);
  }

  // ------------------------------------------------------------------ files

  private final class Handle implements DiskFile {
    private final Path path;
    private final Node node;
    private final FileChannel channel;
    private final int born = generation;

    Handle(Path path, Node node, FileChannel channel) {
      this.path = path;
      this.node = node;
      this.channel = channel;
    }

    private IOException check(Call call) throws IOException {
      if (born != generation) {
        throw new IOException("the power is off");
      }
      return enter(call, path);
    }

    @Override
    public int read(ByteBuffer dst, long offset) throws IOException {
      synchronized (FaultyDisk.this) {
        report(check(Call.READ));
        return readFully(channel, dst, offset);
      }
    }

    @Override
    public void write(ByteBuffer src, long offset) throws IOException {
      WriteWatcher watching;
      synchronized (FaultyDisk.this) {
        watching = watcher;
      }
      if (watching != null) {
        watching.beforeWrite(path, src.duplicate(), offset);
      }
      synchronized (FaultyDisk.this) {
        IOException failure = check(Call.WRITE);
        if (src.hasRemaining()) {
          dirty(offset, offset + src.remaining());
          long position = offset;
          while (src.hasRemaining()) {
            position += channel.write(src, position);
          }
        }
        report(failure);
      }
    }

    /** Keeps what the medium certainly has of a range that is about to change. */
    private void dirty(long from, long to) throws IOException {
      if (node == null) {
        return;
      }
      long size = channel.size();
      for (int sector = (int) (from / SECTOR); (long) sector * SECTOR < to; sector++) {
        if (!node.undo.containsKey(sector)) {
          long at = (long) sector * SECTOR;
          byte[] old = ZEROS;
          if (at < size) {
            ByteBuffer bytes = ByteBuffer.allocate(SECTOR);
            readFully(channel, bytes, at);
            old = bytes.array();
          }
          node.undo.put(sector, old);
        }
        node.dirty.set(sector);
      }
      if (to > size) {
        node.sizeDirty = true;
      }
    }

    @Override
    public long size() throws IOException {
      synchronized (FaultyDisk.this) {
        report(check(Call.READ));
        return channel.size();
      }
    }

    @Override
    public void truncate(long size) throws IOException {
      synchronized (FaultyDisk.this) {
        IOException failure = check(Call.TRUNCATE);
        long now = channel.size();
        if (size < now) {
          dirty(size, now);
          channel.truncate(size);
        } else if (size > now) {
          channel.write(ByteBuffer.wrap(new byte[1]), size - 1);
        }
        if (node != null && size != now) {
          node.sizeDirty = true;
        }
        report(failure);
      }
    }

    @Override
    public void sync() throws IOException {
      Runnable action;
      IOException failed;
      synchronized (FaultyDisk.this) {
        action = afterFailedSync;
        try {
          report(check(Call.SYNC));
          failed = null;
        } catch (IOException e) {
          failed = e;
        }
        if (node != null && !dead) {
          if (failed == null) {
            node.dirty.stream().forEach(node.undo::remove);
            node.durableSize = channel.size();
            node.sizeDirty = false;
          }
          // After a failure the kernel takes the data as clean, too.
          node.dirty.clear();
        }
      }
      if (failed != null) {
        action.run();
        throw failed;
      }
    }

    @Override
    public void close() throws IOException {
      channel.close();
    }
  }

  private static int readFully(FileChannel channel, ByteBuffer dst, long offset)
      throws IOException {
    int total = 0;
    while (dst.hasRemaining()) {
      int n = channel.read(dst, offset + total);
      if (n <= 0) {
        break;
      }
      total += n;
    }
    return total;
  }

  // ------------------------------------------------------------- predicates

  public static Predicate<Path> any() {
    return path -> true;
  }

  /** Log segments. */
  public static Predicate<Path> segments() {
    return path -> path.toString().endsWith(".seg");
  }

  /** Files and directories whose last component is {@code name}. */
  public static Predicate<Path> named(String name) {
    return path -> path.getFileName().toString().equals(name);
  }

  /** Everything of one database. */
  public static Predicate<Path> of(String database) {
    return path -> path.toString().contains("/dbs/" + DatabaseNames.encode(database) + "/");
  }
}
