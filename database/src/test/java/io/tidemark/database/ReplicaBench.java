package io.tidemark.database;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidemark.database.Disk.DiskFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** A primary and a replica in one process; the records are carried over by the test. */
final class ReplicaBench implements AutoCloseable {
  final TestStore primary;
  TestStore replica;

  ReplicaBench(Path directory) throws IOException {
    primary = new TestStore(Files.createDirectories(directory.resolve("primary"))).open();
    replica =
        new TestStore(Files.createDirectories(directory.resolve("replica")))
            .as(Role.REPLICA)
            .open();
  }

  /** Goes on with another one, which is open. */
  void replaceReplica(TestStore other) {
    replica = other;
  }

  /** A record of the primary as it would travel. */
  record Travelling(long epoch, long txid, byte[] extra, byte[] ltx) {}

  /** The records of a database after a transaction. */
  List<Travelling> recordsAfter(String name, long txid) throws IOException {
    List<Travelling> records = new ArrayList<>();
    if (primary.store.get(name) == null || primary.store.get(name).position().txid() <= txid) {
      return records;
    }
    Disk disk = new FileDisk();
    try (LogReader log = LogReader.open(primary.root, name)) {
      for (LogRecord record = log.next(); record != null; record = log.next()) {
        long number = record.header().minTxid();
        if (number <= txid) {
          continue;
        }
        byte[] extra = null;
        Path segment = LogSegment.pathOf(primary.logDirectory(name), record.segment());
        try (DiskFile file = disk.openReadOnly(segment)) {
          SegmentReader reader = new SegmentReader(file);
          RecordHeader header = reader.headerAt(record.offset());
          if (header.isGroup()) {
            extra = reader.extraOf(record.offset(), header);
          }
        }
        records.add(
            new Travelling(
                record.epoch(), number, extra, log.ltx().readNBytes((int) record.ltxLength())));
      }
    }
    return records;
  }

  Database onReplica(String name) throws IOException {
    return replica.store.getOrCreate(name);
  }

  static LogPosition take(ReplicaLog log, long primaryEpoch, Travelling record, int chunk)
      throws IOException {
    return take(log, primaryEpoch, record, chunk, record.txid);
  }

  static LogPosition take(
      ReplicaLog log, long primaryEpoch, Travelling record, int chunk, long commitTxid)
      throws IOException {
    log.begin(primaryEpoch, record.epoch, record.txid, record.extra, record.ltx.length, commitTxid);
    for (int at = 0; at < record.ltx.length; at += chunk) {
      log.write(ByteBuffer.wrap(record.ltx, at, Math.min(chunk, record.ltx.length - at)));
    }
    return log.finish();
  }

  /** Carries over at most so many records; they are not durable yet. */
  void carry(String name, int most, Random random) throws IOException {
    ReplicaLog log = onReplica(name).replicaLog();
    int carried = 0;
    for (Travelling record : recordsAfter(name, log.received().txid())) {
      if (carried++ < most) {
        int chunk = random.nextBoolean() ? record.ltx.length : 1 + random.nextInt(100_000);
        take(log, primary.store.epoch(), record, chunk);
      }
    }
  }

  /** Everything, durable and shown. */
  DatabasePosition follow(String name) throws IOException {
    carry(name, Integer.MAX_VALUE, new Random(1));
    Database database = onReplica(name);
    long end = database.replicaLog().received().txid();
    database.replicaLog().awaitDurable(end);
    return database.applier().apply(end);
  }

  void assertSame(String name) throws IOException {
    DatabasePosition position = replica.store.get(name).position();
    assertThat(position).isEqualTo(primary.store.get(name).position());
    assertThat(replica.read(name)).isEqualTo(primary.read(name));
  }

  @Override
  public void close() {
    primary.close();
    replica.close();
  }
}
