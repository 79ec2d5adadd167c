package io.tidemark.database;

import io.tidemark.database.SqliteSimulator.Finalise;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;

/** Commits random transactions in all modes, and keeps the image that each left behind. */
final class HistoryWriter {
  private static final int[] PAGE_SIZES = {512, 1024, 4096, 8192};
  private static final int BYTES = 80_000;

  private final Store store;
  private final String name;
  private final Random random;

  /** The image at each TXID, from 0. */
  final List<byte[]> model = Collections.synchronizedList(new ArrayList<>());

  private SqliteSimulator sqlite;
  private int pageSize = 1024;
  private boolean wal;

  /** Frames that the last checkpoint copied, perhaps of an earlier WAL. */
  private int backfilled;

  HistoryWriter(Store store, String name, Random random) throws IOException {
    this.store = store;
    this.name = name;
    this.random = random;
    this.sqlite = new SqliteSimulator(store, name, random);
    model.add(new byte[0]);
  }

  Database database() {
    return store.get(name);
  }

  byte[] now() {
    return model.get(model.size() - 1);
  }

  private byte[] change(boolean walHeader) {
    int limit = BYTES / pageSize;
    int old = Math.max(1, now().length / pageSize);
    int pages = random.nextInt(3) == 0 ? 1 + random.nextInt(limit) : old;
    return SqliteSimulator.next(random, now(), pageSize, pages, walHeader, random.nextInt(5));
  }

  /** A transaction, or work that changes only where its pages stand. */
  void step() throws IOException {
    int dice = random.nextInt(100);
    if (now().length == 0 || (dice < 40 && !wal)) {
      boolean sync = random.nextInt(3) > 0;
      Finalise how = Finalise.values()[random.nextInt(3)];
      byte[] after = change(false);
      sqlite.commitJournaled(now(), after, how, sync);
      committed(after);
    } else if (dice < 60 && wal) {
      byte[] after = change(true);
      sqlite.commitWal(now(), after);
      committed(after);
    } else if (dice < 80 && wal) {
      if (sqlite.frames() > 0) {
        checkpointWal();
      }
    } else if (dice < 85) {
      changeMode();
    } else if (dice < 90 && !wal) {
      vacuum();
    } else if (dice < 94) {
      database().upkeep();
    } else if (dice < 96) {
      database().checkpoint();
    } else if (dice < 98) {
      database().enforceRetention(System.currentTimeMillis() + 100_000);
    }
  }

  /** Never less than the checkpoint before. */
  private void checkpointWal() throws IOException {
    List<Integer> ends = sqlite.commitEnds();
    int last = ends.get(ends.size() - 1);
    int end = ends.get(random.nextInt(ends.size()));
    backfilled = end >= backfilled ? end : last;
    sqlite.checkpoint(backfilled);
  }

  /** Until there are so many transactions. */
  void stepUntil(int txid) throws IOException {
    while (model.size() <= txid) {
      step();
    }
  }

  private void changeMode() throws IOException {
    if (wal) {
      sqlite.leaveWal();
    }
    boolean next = !wal;
    byte[] after = SqliteSimulator.next(random, now(), pageSize, now().length / pageSize, next, 0);
    sqlite.commitJournaled(now(), after, Finalise.UNLINK, true);
    committed(after);
    wal = next;
  }

  /** Like VACUUM after PRAGMA page_size: all is new, and often smaller. */
  void vacuum() throws IOException {
    pageSize = PAGE_SIZES[random.nextInt(PAGE_SIZES.length)];
    int pages = 1 + random.nextInt(BYTES / pageSize);
    byte[] after = SqliteSimulator.image(random, pageSize, pages, false);
    sqlite.commitJournaled(now(), after, Finalise.TRUNCATE, random.nextBoolean());
    committed(after);
  }

  void drop() throws IOException {
    store.drop(name);
    model.add(new byte[0]);
    sqlite = new SqliteSimulator(store, name, random);
    wal = false;
  }

  private void committed(byte[] after) {
    if (!Arrays.equals(after, now())) {
      model.add(after);
    }
    long txid = database().position().txid();
    if (txid != model.size() - 1) {
      throw new AssertionError("transaction " + txid + " instead of " + (model.size() - 1));
    }
  }
}
