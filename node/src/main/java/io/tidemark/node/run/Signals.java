package io.tidemark.node.run;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Signals of the operating system. The JDK has no supported way to see a second SIGTERM while the
 * first is being served, so this uses {@code sun.misc.Signal}, by reflection because naming it is a
 * compiler warning. Without it (a JDK that dropped it) signals end the process the JVM's way.
 */
final class Signals {
  private static final Logger LOG = LoggerFactory.getLogger(Signals.class);

  private Signals() {}

  /** Calls the handler, on a thread of its own, each time the signal arrives. */
  static void handle(String name, Consumer<String> handler) {
    try {
      Class<?> signal = Class.forName("sun.misc.Signal");
      Class<?> signalHandler = Class.forName("sun.misc.SignalHandler");
      InvocationHandler invocation =
          (proxy, method, arguments) -> {
            if (method.getName().equals("handle")) {
              handler.accept(name);
              return null;
            }
            return method.invoke(handler, arguments);
          };
      Object proxy =
          Proxy.newProxyInstance(
              signalHandler.getClassLoader(), new Class<?>[] {signalHandler}, invocation);
      signal
          .getMethod("handle", signal, signalHandler)
          .invoke(null, signal.getConstructor(String.class).newInstance(name), proxy);
    } catch (ReflectiveOperationException e) {
      LOG.debug("Cannot handle SIG{}: {}", name, e.toString());
    }
  }
}
