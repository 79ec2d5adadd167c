package io.tidemark.node.http;

import io.tidemark.ltx.Txid;
import io.tidemark.node.ReplicationView;
import io.tidemark.stream.Ack;
import io.tidemark.stream.CommitMode;
import io.tidemark.stream.Hello;
import io.tidemark.stream.Id;
import io.tidemark.stream.MemberStanding;
import io.tidemark.stream.Welcome;
import io.tidemark.stream.receive.FollowStatus;
import io.tidemark.stream.send.ReplicaStatus;
import io.tidemark.stream.send.ReplicaStatus.DatabaseProgress;
import java.util.List;
import java.util.Map;

/** Views of replication for tests. */
public final class ReplicationSamples {
  private ReplicationSamples() {}

  /** A replica's, connected or not. */
  public static ReplicationView following(boolean connected, long lagNanos) {
    Welcome welcome =
        new Welcome(
            new Id(0xcc),
            new Id(0xbb),
            new Id(1),
            2,
            0,
            CommitMode.ASYNC,
            MemberStanding.NOT_A_MEMBER,
            1000,
            10_000);
    return new ReplicationView(
        List.of(),
        new FollowStatus(
            "http://one:20202",
            connected ? welcome : null,
            7_000_000,
            250_000,
            connected ? null : "Connection refused",
            connected ? Map.of("app.db", "the disk is full") : Map.of(),
            lagNanos,
            Map.of("app.db", lagNanos)));
  }

  /** A primary's with one replica, which has shown transaction 2. */
  public static ReplicationView serving(long lagNanos) {
    Ack ack = new Ack(1, 2, new Txid(3), new Txid(3), new Txid(2), 0);
    return new ReplicationView(
        List.of(
            new ReplicaStatus(
                new Hello(new Id(0xcc), new Id(0xdd), new Id(1), new Id(1), 2, Id.NONE, 0, ""),
                "/192.0.2.7:4711",
                0,
                1_500_000,
                Map.of("app.db", new DatabaseProgress(ack, null, lagNanos)))),
        null);
  }
}
