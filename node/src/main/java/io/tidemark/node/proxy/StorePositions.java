package io.tidemark.node.proxy;

import io.tidemark.database.CommitListener;
import io.tidemark.database.Database;
import io.tidemark.database.DatabasePosition;
import io.tidemark.database.Store;
import io.tidemark.proxy.LocalPositions;
import java.util.List;

/** The positions of a store, as programs see them. */
public final class StorePositions implements LocalPositions {
  private final Store store;

  public StorePositions(Store store) {
    this.store = store;
  }

  @Override
  public List<String> databases() {
    return store.databases().stream().map(Database::name).sorted().toList();
  }

  @Override
  public Mark mark(String name) {
    Database database = store.find(name);
    if (database == null) {
      return null;
    }
    DatabasePosition shown = database.shownPosition();
    return shown.txid() == 0 ? null : new Mark(shown.epoch(), shown.txid());
  }

  @Override
  public void onAdvance(Runnable listener) {
    store.addCommitListener(
        new CommitListener() {
          @Override
          public void committed(Database database) {
            listener.run();
          }

          @Override
          public void shown(Database database) {
            listener.run();
          }

          @Override
          public void retired(Database old, Database successor) {
            listener.run();
          }
        });
  }
}
