package io.tidemark.proxy;

import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.CopyOnWriteArrayList;

/** Positions that a test moves. */
public final class FakePositions implements LocalPositions {
  private final Map<String, Mark> marks = new ConcurrentSkipListMap<>();
  private final List<Runnable> listeners = new CopyOnWriteArrayList<>();

  public void set(String name, long epoch, long txid) {
    marks.put(name, new Mark(epoch, txid));
    listeners.forEach(Runnable::run);
  }

  @Override
  public List<String> databases() {
    return List.copyOf(marks.keySet());
  }

  @Override
  public Mark mark(String database) {
    return marks.get(database);
  }

  @Override
  public void onAdvance(Runnable listener) {
    listeners.add(listener);
  }
}
