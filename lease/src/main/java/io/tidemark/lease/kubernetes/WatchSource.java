package io.tidemark.lease.kubernetes;

import io.tidemark.lease.LeaseStoreException;
import io.tidemark.lease.support.HintLoop;
import io.tidemark.lease.support.HttpAnswer;
import io.tidemark.lease.support.Json;
import io.tidemark.lease.support.LineStream;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;

/**
 * Changes of the object from the API server's watch. Mere renewals are not passed on. When the
 * server has forgotten the version to go on from (410), the watch begins anew with a hint.
 */
final class WatchSource implements HintLoop.Source {
  private static final Duration STREAM = Duration.ofSeconds(60);

  private final LeaseApi api;
  private Optional<LineStream> stream = Optional.empty();
  private String version = "";
  private String lastSeen = "";

  WatchSource(LeaseApi api) {
    this.api = api;
  }

  @Override
  public boolean awaitChange() throws LeaseStoreException, InterruptedException {
    try {
      if (stream.isEmpty()) {
        open();
      }
      // The server ends the stream in time; if nothing comes, not even that, it is dead.
      Optional<String> line = stream.get().poll(STREAM.plus(api.timeout()));
      if (line.isEmpty()) {
        close();
        return false;
      }
      return take(line.get());
    } catch (LeaseStoreException | InterruptedException e) {
      close();
      throw e;
    }
  }

  private void open() throws LeaseStoreException, InterruptedException {
    HttpResponse<LineStream> response = api.watch(version, STREAM);
    stream = Optional.of(response.body());
    if (response.statusCode() != 200) {
      version = "";
      String said = response.body().poll(api.timeout()).orElse("");
      api.requireSuccess(new HttpAnswer(response.statusCode(), response.headers(), said));
    }
  }

  private void close() {
    stream.ifPresent(LineStream::close);
    stream = Optional.empty();
  }

  private boolean take(String line) {
    try {
      Map<String, Object> event = Json.parseObject(line);
      String type = Json.text(event, "type");
      if (!type.equals("ERROR")) {
        LeaseObject object = LeaseObject.of(Json.object(event, "object"));
        version = object.version();
        String seen =
            String.join(
                " ",
                type.equals("DELETED") ? type : "",
                object.uid(),
                object.holder(),
                Long.toString(object.transitions()),
                Long.toString(object.recordNumber()));
        boolean changed = !seen.equals(lastSeen);
        lastSeen = seen;
        return changed;
      }
    } catch (IOException e) {
      // Not an event: begin anew, as after an error that the server reports.
    }
    version = "";
    close();
    return true;
  }
}
