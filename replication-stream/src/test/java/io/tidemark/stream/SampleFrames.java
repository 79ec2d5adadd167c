package io.tidemark.stream;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import io.tidemark.ltx.Checksum;
import io.tidemark.ltx.PageChecksums;
import io.tidemark.ltx.Txid;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** Valid frames of every type: small fixed ones, and random ones of any size. */
final class SampleFrames {
  static final Position POSITION = Position.of(3, 7, Checksum.FLAG | 0xabcdef);

  private static final String[] NAMES = {"app.db", "a", "dir/with space.db", "größe-数.db"};

  private SampleFrames() {}

  /** Small frames, at least one for each type, with and without each flag. */
  static List<Frame> small() {
    return List.of(
        new Hello(
            new Id(1), new Id(2), new Id(3), new Id(4), 5, new Id(6), 7, "http://node-1:20202"),
        new Hello(Id.NONE, new Id(-1), new Id(3), new Id(4), 0, Id.NONE, 0, ""),
        new Welcome(
            new Id(1),
            new Id(2),
            new Id(3),
            4,
            9,
            CommitMode.SYNC,
            MemberStanding.MEMBER,
            500,
            5000),
        new Positions(4, List.of(), false),
        new Positions(
            4,
            List.of(new NamedPosition("app.db", POSITION), new NamedPosition("b/c", Position.NONE)),
            true),
        new DatabaseOpen(1, "app.db", DatabaseOpen.Next.RECORDS, POSITION, false, "it lags"),
        new RecordChunk(1, 3, new Txid(8), 500, 0, new Txid(7), 0, bytes(500)),
        new RecordChunk(1, 3, new Txid(8), 500, 20, new Txid(9), 100, bytes(50)),
        new RecordChunk(1, 3, new Txid(8), 500, 0, CommitPosition.NONE_YET, 0, bytes(500)),
        new CommitPosition(1, 3, new Txid(8)),
        new CommitPosition(1, 3, CommitPosition.NONE_YET),
        new Ack(1, 3, new Txid(9), new Txid(8), new Txid(7), 123456),
        Ack.ofBytes(1, 3, 123456),
        new SnapshotResume(1, 0, 0),
        new SnapshotResume(1, 9, 1000),
        new SnapshotBegin(1, 9, POSITION, 4096, 3000, new Txid(5), false),
        new SnapshotBegin(1, 9, POSITION, 512, 0xffffffffL, Txid.ZERO, true),
        new SnapshotPages(1, 10, 2, bytes(1024)),
        new SnapshotEnd(1, 9, POSITION),
        new PageSumsRequest(1, 1, 1000),
        new PageSums(1, 4096, 1, sums(4096, 1, 3), false),
        new PageSums(1, 4096, 4, ByteBuffer.allocate(0), true),
        new PageSums(1, 65536, 16384, sums(65536, 16384, 3), true),
        new Drop(1, "app.db", POSITION),
        new Heartbeat(1, -5),
        new HeartbeatReply(1, -5),
        new Admission(new Id(0xabc)),
        new Standing(9, MemberStanding.LEAVING, 3, 2),
        new Handoff(0),
        new Handoff(9),
        new End(End.Reason.SHUTDOWN, "the process stops"),
        new Refusal(Refusal.Reason.CLUSTER, "another cluster", "check lease.advertise-url"));
  }

  static Frame random(FrameType type, Random random) {
    int id = 1 + random.nextInt(Integer.MAX_VALUE);
    return switch (type) {
      case HELLO ->
          new Hello(
              new Id(random.nextLong()),
              new Id(random.nextLong() | 1),
              new Id(random.nextLong() | 1),
              new Id(random.nextLong() | 1),
              positive(random),
              new Id(random.nextLong()),
              positive(random),
              "https://" + "n".repeat(random.nextInt(1000)));
      case WELCOME -> {
        long beat = 1 + random.nextInt(3_600_000);
        yield new Welcome(
            new Id(random.nextLong() | 1),
            new Id(random.nextLong() | 1),
            new Id(random.nextLong() | 1),
            positive(random),
            positive(random),
            random.nextBoolean() ? CommitMode.SYNC : CommitMode.ASYNC,
            MemberStanding.values()[random.nextInt(3)],
            beat,
            beat * 3 + random.nextInt(1000));
      }
      case POSITIONS -> {
        List<NamedPosition> positions = new ArrayList<>();
        int count = 1 + random.nextInt(Positions.MAX_ENTRIES);
        for (int i = 0; i < count; i++) {
          positions.add(new NamedPosition(i + name(random), position(random)));
        }
        yield new Positions(positive(random), positions, random.nextBoolean());
      }
      case DATABASE_OPEN ->
          new DatabaseOpen(
              id,
              name(random),
              DatabaseOpen.Next.of(random.nextInt(5)),
              position(random),
              random.nextBoolean(),
              text(random));
      case RECORD_CHUNK -> {
        int extra = random.nextInt(4) == 0 ? 1 + random.nextInt(1 << 20) : 0;
        long ltx =
            random.nextBoolean() ? 1 + random.nextInt(1000) : 1 + positive(random) % (1L << 45);
        int count = (int) Math.min(ltx + extra, 1 + random.nextInt(Protocol.MAX_DATA));
        long offset =
            switch (random.nextInt(3)) {
              case 0 -> 0;
              case 1 -> ltx + extra - count;
              default -> Math.floorMod(random.nextLong(), ltx + extra - count + 1);
            };
        yield new RecordChunk(
            id,
            positive(random),
            new Txid(positive(random)),
            ltx,
            extra,
            commitPosition(random),
            offset,
            randomBytes(random, count));
      }
      case COMMIT_POSITION -> new CommitPosition(id, positive(random), commitPosition(random));
      case ACK -> {
        if (random.nextInt(4) == 0) {
          yield Ack.ofBytes(id, positive(random), positive(random));
        }
        long received = positive(random);
        long durable = received / (1 + random.nextInt(3));
        long applied = durable / (1 + random.nextInt(3));
        yield new Ack(
            id,
            positive(random),
            new Txid(received),
            new Txid(durable),
            new Txid(applied),
            positive(random));
      }
      case SNAPSHOT_RESUME ->
          new SnapshotResume(id, positive(random), random.nextInt() & 0xffffffffL);
      case SNAPSHOT_BEGIN -> {
        Position position = position(random);
        yield new SnapshotBegin(
            id,
            positive(random),
            position,
            pageSize(random),
            1 + (random.nextInt() & 0x7fffffffL),
            new Txid(position.txid().value() / 2),
            random.nextBoolean());
      }
      case SNAPSHOT_PAGES -> {
        int pageSize = pageSize(random);
        int count = 1 + random.nextInt(Protocol.MAX_DATA / pageSize);
        yield new SnapshotPages(
            id,
            PageChecksums.lockPage(pageSize) + 1 + random.nextInt(1_000_000),
            count,
            randomBytes(random, count * pageSize));
      }
      case SNAPSHOT_END -> new SnapshotEnd(id, positive(random), position(random));
      case PAGE_SUMS_REQUEST ->
          new PageSumsRequest(
              id, 1 + random.nextInt(1_000_000), 1 + random.nextInt(Protocol.MAX_SUMS));
      case PAGE_SUMS -> {
        int pageSize = pageSize(random);
        long first = 1 + random.nextInt(20_000);
        yield new PageSums(
            id,
            pageSize,
            first,
            sums(pageSize, first, 1 + random.nextInt(Protocol.MAX_SUMS)),
            random.nextBoolean());
      }
      case DROP -> new Drop(id, name(random), position(random));
      case HEARTBEAT -> new Heartbeat(positive(random), random.nextLong());
      case HEARTBEAT_REPLY -> new HeartbeatReply(positive(random), random.nextLong());
      case ADMISSION -> new Admission(new Id(random.nextLong() | 1));
      case STANDING ->
          new Standing(
              positive(random),
              MemberStanding.values()[random.nextInt(3)],
              1 + random.nextInt(65_535),
              1 + random.nextInt(65_535));
      case HANDOFF -> new Handoff(positive(random));
      case END ->
          new End(End.Reason.values()[random.nextInt(End.Reason.values().length)], text(random));
      case REFUSAL ->
          new Refusal(
              Refusal.Reason.values()[random.nextInt(Refusal.Reason.values().length)],
              text(random),
              text(random));
    };
  }

  /** The bytes of a frame on the wire. */
  static byte[] encode(Frame frame, boolean compress) {
    ByteBuf out = Unpooled.buffer();
    FrameCodec.encode(frame, out, compress);
    byte[] bytes = ByteBufUtil.getBytes(out);
    out.release();
    return bytes;
  }

  static byte[] encode(Frame frame) {
    return encode(frame, false);
  }

  /** A phase in which a peer may send frames of this type. */
  static StreamPhase phaseFor(FrameType type) {
    for (StreamPhase phase : StreamPhase.values()) {
      if (phase.allows(type)) {
        return phase;
      }
    }
    throw new AssertionError(type + " may never be sent");
  }

  /** Bytes that LZ4 makes shorter. */
  static ByteBuffer bytes(int count) {
    byte[] bytes = new byte[count];
    for (int i = 0; i < count; i++) {
      bytes[i] = (byte) (i / 7);
    }
    return ByteBuffer.wrap(bytes);
  }

  private static ByteBuffer randomBytes(Random random, int count) {
    byte[] bytes = new byte[count];
    if (random.nextBoolean()) {
      random.nextBytes(bytes);
    } else {
      for (int i = 0; i < count; i += 1 + random.nextInt(50)) {
        bytes[i] = (byte) random.nextInt();
      }
    }
    return ByteBuffer.wrap(bytes);
  }

  static ByteBuffer sums(int pageSize, long firstPage, int count) {
    ByteBuffer sums = ByteBuffer.allocate(count * 8);
    for (long page = firstPage; page < firstPage + count; page++) {
      sums.putLong(page == PageChecksums.lockPage(pageSize) ? 0 : Checksum.FLAG | page);
    }
    return sums.flip();
  }

  private static long positive(Random random) {
    return Math.max(1, random.nextLong() >>> 1 + random.nextInt(60));
  }

  private static Txid commitPosition(Random random) {
    return random.nextInt(4) == 0 ? CommitPosition.NONE_YET : new Txid(positive(random));
  }

  private static Position position(Random random) {
    return Position.of(positive(random), positive(random), random.nextLong() | Checksum.FLAG);
  }

  private static int pageSize(Random random) {
    return 512 << random.nextInt(8);
  }

  private static String name(Random random) {
    return NAMES[random.nextInt(NAMES.length)];
  }

  private static String text(Random random) {
    return "ü".repeat(random.nextInt(Protocol.MAX_TEXT / 2));
  }
}
