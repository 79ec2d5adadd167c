package io.tidemark.node.cluster;

import io.tidemark.database.Database;
import io.tidemark.lease.protocol.ClusterRecord;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;

/** Connections whose other ends a test plays. */
final class FakeStreams implements Streams {
  private final List<String> events;
  private final List<Peer> peers = new CopyOnWriteArrayList<>();
  private final List<FakePeer> coming = new CopyOnWriteArrayList<>();
  private volatile String followed;
  private volatile ClusterRecord announced;

  /** What happens when a tail is fetched from a URL. */
  volatile Consumer<String> onFetch = url -> {};

  FakeStreams(List<String> events) {
    this.events = events;
  }

  // ------------------------------------------------------------------ for tests

  void connected(Peer... now) {
    peers.clear();
    peers.addAll(List.of(now));
  }

  /** Whoever is announced an epoch connects at once. */
  void comes(FakePeer... nodes) {
    coming.addAll(List.of(nodes));
  }

  void goes(FakePeer node) {
    coming.remove(node);
    peers.remove(node);
  }

  String followed() {
    return followed;
  }

  ClusterRecord announced() {
    return announced;
  }

  // ------------------------------------------------------------------ as Streams

  @Override
  public void follow(String url) {
    if (!Objects.equals(url, followed)) {
      events.add("follow " + url);
    }
    followed = url;
  }

  @Override
  public void fetch(String url) {
    events.add("fetch " + url);
    onFetch.accept(url);
  }

  @Override
  public void announce(ClusterRecord record) {
    events.add("announce " + record.epoch());
    announced = record;
    peers.clear();
    for (FakePeer node : coming) {
      node.connects(record.epoch());
      peers.add(node);
    }
  }

  @Override
  public void recordChanged(ClusterRecord record) {
    events.add("record " + record.version());
    announced = record;
  }

  @Override
  public void offered(Database database) {
    events.add("offered " + database.name());
  }

  @Override
  public void settled(String name) {
    events.add("settled " + name);
  }

  @Override
  public List<Peer> peers() {
    return peers;
  }

  @Override
  public void withdraw(String why, boolean handedOver) {
    if (announced != null) {
      events.add(handedOver ? "withdraw for a handoff" : "withdraw");
    }
    announced = null;
    peers.clear();
  }
}
