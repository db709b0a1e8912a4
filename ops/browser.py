"""Is there a browser on this screen to show an address in? One of the desktop, none that takes over the terminal."""

import webbrowser


def open_browser(url: str) -> bool:
    """Whether one was asked to; the person has the address anyway."""
    try:
        browser = webbrowser.get()
    except webbrowser.Error:
        return False
    runs_in_the_terminal = type(browser) is webbrowser.GenericBrowser
    return False if runs_in_the_terminal else browser.open(url)
