package io.tidemark.proxy;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** Says who is primary as a test wants it. */
public final class FakePrimaries implements Primaries {
  private final List<Runnable> listeners = new CopyOnWriteArrayList<>();
  private volatile Standing standing = Standing.HERE;

  public void set(Standing now) {
    standing = now;
    listeners.forEach(Runnable::run);
  }

  /** Another node is, whose API has that port. */
  public void elsewhere(int port) {
    set(new Standing(false, new PrimaryNode("other", "127.0.0.1", port, null, null)));
  }

  @Override
  public Standing standing() {
    return standing;
  }

  @Override
  public void onChange(Runnable listener) {
    listeners.add(listener);
  }
}
